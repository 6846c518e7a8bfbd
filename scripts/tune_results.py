"""The command that shows and writes the results of a tuning job on SageMaker, whoever started it.

name -> wait, if it still runs -> table, results/tuning/, results/training-job.json
"""

import contextlib
import json
import sys
from pathlib import Path

import click

from scripts.tuning import options


@click.command(
    epilog="""\b
    Examples:
      python -m scripts.tune_results traffic-signs-261130-013000
      python -m scripts.tune_results --json traffic-signs-261130-013000
    """
)
@click.argument("name")
@options.results
@options.job_output
def main(*, name: str, output: Path, as_json: bool, job_output: Path) -> None:
    """Show and write the results of the tuning job NAME; exit code 1 if none of its training jobs has completed.

    While it runs, wait for its end.
    """
    from scripts.aws import session  # noqa: PLC0415 # boto3, which --help does not need
    from scripts.tuning.cloud import ending  # noqa: PLC0415 # as above

    with contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):
        found = ending.collect(session.connect(), name, output, job_output)
    if as_json:
        click.echo(json.dumps(found.as_json()))


if __name__ == "__main__":
    main()
