"""The command that explains why a job or an endpoint failed.

name, ARN, log file, saved description  ->  evidence  ->  first cause of the table that it proves
"""

import json
import re
from pathlib import Path

import click

from scripts.aws import session
from scripts.diagnosis import cloud, evidence, knowledge, quotas, report
from scripts.errors import Failure


@click.command(
    epilog="""\b
    Examples:
      python -m scripts.doctor traffic-signs-2026-11-23-12-00-00
      python -m scripts.doctor arn:aws:sagemaker:us-east-1:111122223333:training-job/mine
      python -m scripts.doctor container.log
      python -m scripts.doctor mine.json
    """
)
@click.argument("what")
@click.option("--kind", type=click.Choice(list(cloud.KINDS)), help="Kind of the resource; all are tried by default.")
@click.option("--json", "as_json", is_flag=True, help="Print the diagnosis as a JSON object.")
def main(*, what: str, kind: str | None, as_json: bool) -> None:
    """Explain why WHAT failed: the name or ARN of a training job, endpoint, transform or tuning job, a log file, or
    the saved output of an `aws sagemaker describe-...` command.

    A file needs no AWS account. Exit code 0 if nothing has failed, 1 if something has, 2 if WHAT cannot be found.
    """  # noqa: D205 # click shows the first paragraph in one piece
    if not Path(what).is_file() and not what.startswith("arn:") and re.search(r"[./]", what):  # no name has these
        raise Failure(f"no such file: {what}")
    found = quotas.with_code(evidence.read(Path(what))) if Path(what).is_file() else _collect(what, kind or "")
    diagnosis = knowledge.diagnose(found)
    click.echo(json.dumps(report.as_json(found, diagnosis)) if as_json else report.text(found, diagnosis))
    raise SystemExit(int(diagnosis is not None or found.has_failed))


def _collect(what: str, kind: str) -> evidence.Evidence:
    region, named_kind, name = cloud.parse_arn(what)
    return cloud.collect(session.connect(region or None).boto, name, named_kind or kind)


if __name__ == "__main__":
    main()
