"""The command that explains why a job or an endpoint failed.

name, ARN, log file, saved description  ->  evidence  ->  first cause of the table that it proves
"""

import re
from pathlib import Path

import click

from scripts.aws import session
from scripts.diagnosis import evidence, kinds, knowledge, quotas, report
from scripts.errors import Failure, OperationError
from scripts.options import Command, result


@click.command(
    cls=Command,
    epilog="""\b
    Examples:
      python -m scripts.doctor traffic-signs-2026-11-23-12-00-00
      python -m scripts.doctor arn:aws:sagemaker:us-east-1:111122223333:training-job/mine
      python -m scripts.doctor container.log
      python -m scripts.doctor mine.json
    """,
)
@click.argument("what")
@click.option("--kind", type=click.Choice(list(kinds.KINDS)), help="Kind of the resource; all are tried by default.")
def main(*, what: str, kind: str | None) -> None:
    """Explain why WHAT failed: the name or ARN of a training job, endpoint, transform or tuning job, a log file, or
    the saved output of an `aws sagemaker describe-...` command.

    A file needs no AWS account. Exit code 0 if nothing has failed, 1 if something has, 2 if WHAT cannot be found
    or read.
    """  # noqa: D205 # click shows the first paragraph in one piece
    if not Path(what).is_file() and not what.startswith("arn:") and re.search(r"[./]", what):  # no name has these
        raise Failure(f"no such file: {what}")
    found = quotas.with_code(evidence.read(Path(what))) if Path(what).is_file() else _collect(what, kind or "")
    diagnosis = knowledge.diagnose(found)
    result(**report.as_json(found, diagnosis))
    click.echo(report.text(found, diagnosis))
    raise SystemExit(int(diagnosis is not None or found.has_failed))


def _collect(what: str, kind: str) -> evidence.Evidence:
    from scripts.diagnosis import cloud

    region, named_kind, name = kinds.parse_arn(what)
    try:
        return cloud.collect(session.connect(region or None).boto, name, named_kind or kind)
    except OperationError as error:  # exit code 1 would say that the resource has failed
        raise Failure(error.message) from error


if __name__ == "__main__":
    main()
