"""Options that the search on SageMaker and the one on this machine have in common.

command line  ->  space, what is fixed, strategy  ->  checked  ->  Space, Strategy
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from scripts.parsing import parse_values
from scripts.tuning import space, strategy
from scripts.tuning.space import Space
from scripts.tuning.strategy import DEFAULT_JOBS, NAMES, Strategy

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


_SEARCH = (
    click.option("--space", "space_file", type=click.Path(dir_okay=False, path_type=Path),
                 default="scripts/tuning/space.toml", show_default=True, help="TOML file with the search space."),
    click.option("-p", "--hyperparameter", "fixed", multiple=True, metavar="KEY=VALUE",
                 callback=lambda _, __, given: parse_values(given),
                 help="Hyperparameter that is the same in all jobs; repeatable."),
    click.option("--strategy", "strategy_name", type=click.Choice(NAMES, case_sensitive=False), default="Bayesian",
                 show_default=True, help="Hyperband ends most jobs early; Grid tries all combinations of values."),
    click.option("--max-jobs", type=click.IntRange(1), show_default=f"{DEFAULT_JOBS}; Grid: all combinations",
                 help="Number of training jobs."),
    click.option("--early-stopping", is_flag=True, help="End jobs that do worse than the median of those before."),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=1, show_default=True,
                 help="Seed of the search: the same one chooses the same values."),
    click.option("--training", type=_FOLDER, required=True, help="Folder with the training data."),
    click.option("--validation", type=_FOLDER, help="Folder with the validation data."),
)  # fmt: skip
_Command = Callable[..., Any]


def common(command: _Command) -> _Command:
    """Add the options of every search to a command."""
    for option in (output, *reversed(_SEARCH)):
        command = option(command)
    return command


output = click.option(
    "--output", type=click.Path(file_okay=False, path_type=Path), default="results/tuning", show_default=True,
    help="Folder; each search writes to one of its own in it.",
)  # fmt: skip
job_output = click.option(
    "--job-output", type=click.Path(dir_okay=False, path_type=Path), default="results/training-job.json",
    show_default=True, help="File for the best training job; deploy and transform read it.",
)  # fmt: skip
"""With `output`, the options for results on SageMaker."""


def parse(
    *,
    space_file: Path,
    fixed: dict[str, Any],
    strategy_name: str,
    max_jobs: int | None,
    early_stopping: bool,
    seed: int,
) -> tuple[Space, Strategy]:
    """Read the search space, and check the options against it.

    Raises:
        Failure: the file or the combination of options is not allowed.
    """
    found = space.read(space_file, fixed)
    return found, strategy.choose(
        found, strategy=strategy_name, max_jobs=max_jobs, early_stopping=early_stopping, seed=seed
    )


def channels(training: Path, validation: Path | None) -> dict[str, Path]:
    """Return the folders by the names of their channels."""
    return {"training": training} | ({"validation": validation} if validation else {})
