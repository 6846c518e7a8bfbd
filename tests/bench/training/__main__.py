"""Training benchmark of the article's recipe and the presets: `make bench-training`.

    every (recipe, seed) in its own process (one.py), with one thread, the recipes alternating
        -> CPU and wall seconds and weights after each epoch -> accuracies of the epochs, not timed
    all runs -> medians over the seeds, ratios to the article -> a table, and training.json beside this file

article, lenet and quick train on a random 80/20 split of the frames, as in the article. fast and best train on all
tracks, because their recipes were chosen on held-out tracks; so they have no validation results here. The time is from
the creation of the network to the end of the last epoch, including TensorFlow's compilation and the validation after
each epoch.

A run that the results already hold for this CPU and these files of the package is not repeated. A run that was stopped
resumes after its last epoch, and then has compiled twice.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.bench import machine

TARGETS = {"validation": 0.979, "test": 0.924}
"""The article's accuracies."""
RECIPES = ("article", "lenet", "quick", "fast", "best")
_RESULTS = Path(__file__).with_name("training.json")
_EPOCHS = Path("results/bench/training")
"""A folder for each run, removed when the run is in the results."""
_CODE = "container/traffic_signs/training"
_ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}


@click.command(
    epilog="""\b
    Example:
      python -m tests.bench.training results/GTSRB/data --recipe article --recipe quick
    """
)
@click.argument("prepared", type=click.Path(exists=True, path_type=Path))
@click.option("--recipe", "recipes", multiple=True, type=click.Choice(RECIPES), default=RECIPES, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=_RESULTS, show_default=True)
def main(prepared: Path, recipes: tuple[str, ...], seeds: int, output: Path) -> None:
    """Train every recipe with every seed on the arrays in PREPARED, from `make data`."""
    origin = {"code": machine.tree(_CODE), "cpu": machine.describe()["cpu"]}
    turns = [(recipe, seed) for seed in range(1, seeds + 1) for recipe in recipes]
    runs = finished(output, origin)  # of other recipes too, which would be lost
    held = {(run["recipe"], run["seed"]) for run in runs}
    click.echo(f"{output} holds {len(held.intersection(turns))} of {len(turns)} trainings", err=True)
    for recipe, seed in track([turn for turn in turns if turn not in held], "trainings"):
        folder = _EPOCHS / f"{recipe}-{seed}-{origin['code']}"
        command = [sys.executable, "-m", "tests.bench.training.one", recipe, str(seed), str(prepared), str(folder)]
        done = subprocess.run(command, env={**os.environ, **_ONE_THREAD}, stdout=subprocess.PIPE, check=True)
        runs.append(json.loads(done.stdout.splitlines()[-1]) | origin)
        Console(stderr=True).print({key: value for key, value in runs[-1].items() if key != "epochs"})
        output.write_text(
            json.dumps(_content(runs), indent=1) + "\n", encoding="utf-8"
        )  # after each run, because all runs take hours
        shutil.rmtree(folder)
    _show(_content(runs)["summary"])


def finished(output: Path, origin: dict[str, str]) -> list[dict[str, Any]]:
    """Return the runs in *output* that a run of *origin* would repeat; those of uncommitted files are none."""
    if not output.exists() or origin["code"].endswith("+"):
        return []
    runs: list[dict[str, Any]] = json.loads(output.read_text(encoding="utf-8"))["runs"]
    return [run for run in runs if {key: run.get(key) for key in origin} == origin]


def _content(runs: list[dict[str, Any]]) -> dict[str, Any]:
    recipes = list(dict.fromkeys(run["recipe"] for run in runs))
    return {
        **machine.describe(),
        "targets": TARGETS,
        "summary": {recipe: _summary([run for run in runs if run["recipe"] == recipe]) for recipe in recipes},
        "runs": runs,
    }


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians over the seeds; for a target that a run never reaches, its whole time counts."""
    summary: dict[str, Any] = {
        name: statistics.median(run[name] for run in runs) for name in ("test", "weakest_class", "ece")
    }
    summary["test_of_each_seed"] = [run["test"] for run in runs]
    if "validation" in runs[0]["epochs"][0]:
        summary["validation"] = statistics.median(max(epoch["validation"] for epoch in run["epochs"]) for run in runs)
    for clock in ("cpu_seconds", "wall_seconds"):
        summary[clock] = statistics.median(run["epochs"][-1][clock] for run in runs)
        for name, target in TARGETS.items():
            if name in runs[0]["epochs"][0]:
                reached = [[epoch for epoch in run["epochs"] if epoch[name] >= target] for run in runs]
                summary[f"{clock}_to_{name}"] = statistics.median(
                    (epochs or run["epochs"][-1:])[0][clock] for epochs, run in zip(reached, runs, strict=True)
                )
                summary[f"reached_{name}"] = sum(map(bool, reached))
    return summary


def _show(summary: dict[str, dict[str, Any]]) -> None:
    """Print a column for each recipe, and ratios to the article's recipe if it was run."""
    table = Table("median of the seeds", *summary)
    for name in ("cpu_seconds", "validation", "test", "weakest_class", "ece"):
        table.add_row(name, *(f"{row[name]:.4g}" if name in row else "-" for row in summary.values()))
    for name, target in TARGETS.items():
        key = f"cpu_seconds_to_{name}"
        table.add_row(f"{key} {target}", *(f"{row[key]:.4g}" if key in row else "-" for row in summary.values()))
        table.add_row("  seeds that reached it", *(str(row.get(f"reached_{name}", "-")) for row in summary.values()))
        if "article" in summary:
            base = summary["article"][key]
            ratios = (f"{base / row[key]:.3g}" if key in row else "-" for row in summary.values())
            table.add_row("  times faster than the article", *ratios)
    Console().print(table)


if __name__ == "__main__":
    main()
