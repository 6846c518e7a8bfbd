"""The command that shows and writes the results of a tuning job on SageMaker, whoever started it.

name -> wait, if it still runs -> table, results/tuning/, results/training-job.json
"""

from pathlib import Path

import click

from scripts.options import Command
from scripts.tuning import options


@click.command(
    cls=Command,
    epilog="""\b
    Examples:
      python -m scripts.tune_results traffic-signs-261130-013000-0a1b
      python -m scripts.tune_results --json traffic-signs-261130-013000-0a1b
    """,
)
@click.argument("name")
@options.output
@options.job_output
def main(*, name: str, output: Path, job_output: Path) -> None:
    """Show and write the results of the tuning job NAME; exit code 1 if none of its training jobs has completed.

    While it runs, wait for its end.
    """
    from scripts.aws import session
    from scripts.tuning.cloud import ending

    account = session.connect()
    ending.require(account, name)
    ending.collect(account, name, output, job_output)


if __name__ == "__main__":
    main()
