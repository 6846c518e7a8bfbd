"""Results of a search: its jobs, the best of them, as a table, as JSON and as files.

Trial of each job  ->  Results  ->  table; tuning-job.json, best-hyperparameters.json
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.errors import Failure

_FILE_WIDTH = 160
"""Characters in a line of the table where there is no terminal."""


@dataclass(frozen=True)
class Trial:
    """A training job of a search.

    Attributes:
        name: The job's name, or its folder.
        status: Completed, Stopped (early), Failed or InProgress.
        searched: Values of the searched hyperparameters.
        value: Last value of the objective in the log.
        seconds: Running time.
        failure: Reason, if it failed.
    """

    name: str
    status: str
    searched: Mapping[str, Any]
    value: float | None = None
    seconds: float | None = None
    failure: str | None = None


@dataclass(frozen=True)
class Results:
    """The jobs of a search.

    Attributes:
        name: Name of the search.
        objective: Name of the metric that is compared.
        maximize: Whether the highest value is the best.
        fixed: Hyperparameters that were the same in all jobs.
        trials: The jobs, in the order of their start.
    """

    name: str
    objective: str
    maximize: bool
    fixed: Mapping[str, Any]
    trials: tuple[Trial, ...]

    @property
    def best(self) -> Trial | None:
        """The completed job with the best value; one that was stopped early has an unfinished model."""
        return next((trial for trial in self.ranked if trial.status == "Completed" and trial.value is not None), None)

    @property
    def ranked(self) -> list[Trial]:
        """The jobs, best value first, those without a value last."""
        sign = -1 if self.maximize else 1
        return sorted(self.trials, key=lambda trial: (trial.value is None, sign * (trial.value or 0)))

    @property
    def best_hyperparameters(self) -> dict[str, Any]:
        """All hyperparameters of the best job; empty if there is none."""
        return {**self.fixed, **self.best.searched} if self.best else {}

    def as_json(self) -> dict[str, Any]:
        """Return the results as a JSON object."""
        best = self.best and {"name": self.best.name, "value": self.best.value}
        return {
            "name": self.name,
            "objective": self.objective,
            "goal": "maximize" if self.maximize else "minimize",
            "best": best and {**best, "hyperparameters": self.best_hyperparameters},
            "fixed": dict(self.fixed),
            "jobs": [asdict(trial) for trial in self.trials],
        }


def show(results: Results) -> None:
    """Print the jobs as a table, the best first, and the reason of those that failed."""
    from rich.console import Console
    from rich.table import Column, Table

    names = list(dict.fromkeys(name for trial in results.trials for name in trial.searched))
    whole = (Column(name, no_wrap=True) for name in ("job", "status"))
    folded = (Column(name, overflow="fold") for name in (results.objective, *names, "seconds"))
    table = Table(*whole, *folded, title=results.name, highlight=False)
    for trial in results.ranked:
        value = "-" if trial.value is None else f"{trial.value:.6g}"
        seconds = "-" if trial.seconds is None else f"{trial.seconds:.0f}"
        searched = [_short(trial.searched.get(name, "-")) for name in names]
        name = f"{_suffix(trial, results)}{' (best)' if trial is results.best else ''}"
        table.add_row(name, trial.status, value, *searched, seconds)
    console = Console(markup=False)
    if not console.is_terminal:
        console = Console(markup=False, width=_FILE_WIDTH)
    console.print(table)
    for trial in results.trials:
        if trial.failure:
            console.print(f"{_suffix(trial, results)}: {trial.failure.strip().splitlines()[0]}", soft_wrap=True)


def write(results: Results, folder: Path) -> None:
    """Write tuning-job.json and, if a job has completed, best-hyperparameters.json, which train reads.

    Raises:
        Failure: the files cannot be written.
    """
    files = {"tuning-job.json": results.as_json()}
    if results.best:
        files["best-hyperparameters.json"] = results.best_hyperparameters
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise Failure(f"cannot write {folder}: {error.strerror}") from error


def _suffix(trial: Trial, results: Results) -> str:
    """Return the end of the job's name, which on SageMaker begins with that of the search."""
    return trial.name.removeprefix(f"{results.name}-")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
