"""The article's recipe and the presets side by side: `make bench-training`.

    every (recipe, seed) in a process of its own, one thread each, the recipes taking turns
        -> CPU and wall seconds and weights after each epoch -> accuracies of those epochs, outside of the clock
    all of them -> medians over the seeds, ratios to the article -> a table, and training.json beside this file

article, lenet, quick: a random 80/20 split of the frames, as in the article. best: all tracks, its recipe having been
chosen on tracks that were held out; so it has no validation figures here. The clock of a recipe runs from the
first batch, with everything that training costs, validation after each epoch too.
"""

import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import scipy.special  # type: ignore[import-untyped] # SciPy has no types
from rich.console import Console
from rich.progress import track
from rich.table import Table

if TYPE_CHECKING:
    from traffic_signs.data.dataset import Dataset

TARGETS = {"validation": 0.979, "test": 0.924}
"""The article's accuracies."""
RECIPES = ("article", "lenet", "quick", "best")
_RESULTS = Path(__file__).with_name("training.json")
_TEMPERATURES = {"best": 0.644}
"""Of what trains on all tracks: found by a job whose validation tracks were held out."""
_ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"}


@click.group()
def main() -> None:
    """Measure what training costs, and what it gives."""


@main.command()
@click.argument("prepared", type=click.Path(exists=True, path_type=Path))
@click.option("--recipe", "recipes", multiple=True, type=click.Choice(RECIPES), default=RECIPES, show_default=True)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=_RESULTS, show_default=True)
def compare(prepared: Path, recipes: tuple[str, ...], seeds: int, output: Path) -> None:
    """Train every recipe with every seed on the arrays in PREPARED, as `make data` makes them.

    python -m tests.bench.training compare data/gtsrb --recipe article --recipe quick
    """
    runs: list[dict[str, Any]] = []
    turns = [(recipe, seed) for seed in range(1, seeds + 1) for recipe in recipes]
    for recipe, seed in track(turns, "trainings"):
        command = [sys.executable, "-m", "tests.bench.training", "one", recipe, str(seed), str(prepared)]
        done = subprocess.run(command, env={**os.environ, **_ONE_THREAD}, stdout=subprocess.PIPE, check=True)
        runs.append(json.loads(done.stdout.splitlines()[-1]))
        Console(stderr=True).print({key: value for key, value in runs[-1].items() if key != "epochs"})
        output.write_text(json.dumps(_content(runs), indent=1) + "\n", encoding="utf-8")  # anew: hours are not lost
    _show(_content(runs)["summary"])


def _content(runs: list[dict[str, Any]]) -> dict[str, Any]:
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
    recipes = list(dict.fromkeys(run["recipe"] for run in runs))
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": revision.stdout.strip(),
        "cpu": _cpu(),
        "targets": TARGETS,
        "summary": {recipe: _summary([run for run in runs if run["recipe"] == recipe]) for recipe in recipes},
        "runs": runs,
    }


@main.command(hidden=True)
@click.argument("recipe")
@click.argument("seed", type=int)
@click.argument("prepared", type=click.Path(path_type=Path))
def one(recipe: str, seed: int, prepared: Path) -> None:
    """Train once; print the figures as JSON."""
    if recipe != "article":  # whose reader has TensorFlow as it comes: with or without oneDNN, as the CPU may be
        import traffic_signs.training  # noqa: F401, PLC0415 - sets what TensorFlow reads when it is loaded
    from tests.bench import article  # noqa: PLC0415
    from traffic_signs.data.dataset import Dataset  # noqa: PLC0415
    from traffic_signs.data.split import split  # noqa: PLC0415

    whole = Dataset.load(prepared / "training" / "training.npz").joined(
        Dataset.load(prepared / "validation" / "validation.npz")
    )
    test = Dataset.load(prepared / "test" / "test.npz")
    training, held_out = split(whole, 0.2, "random", seed)
    validation = None if recipe == "best" else held_out
    clock, temperature = Clock(), 1.0
    if recipe == "article":
        predict = article.fit(training, held_out, seed, clock.lap)
    else:
        training = training if validation else whole
        predict, temperature = _preset(recipe, training, validation, seed, clock)
    epochs = []
    for wall, cpu, weights in clock.laps:
        accuracies = {
            name: float(np.mean(predict(weights, part.images).argmax(1) == part.labels))
            for name, part in {"validation": validation, "test": test}.items()
            # a test accuracy after each epoch says when 0.924 was reached; it chooses nothing
            if part is not None
        }
        epochs.append({"wall_seconds": wall, "cpu_seconds": cpu, **accuracies})
    # as the job does: the most accurate epoch on validation images, without them the last
    kept = max(range(len(epochs)), key=lambda index: epochs[index].get("validation", index))
    figures = _figures(predict(clock.laps[kept][2], test.images), test, temperature)
    print(json.dumps({"recipe": recipe, "seed": seed, **figures, "epochs": epochs}))  # noqa: T201


class Clock:
    """Seconds since it was made, and the weights of then, after each epoch."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.monotonic(), time.process_time()
        self.laps: list[tuple[float, float, list[np.ndarray]]] = []

    def lap(self, weights: list[np.ndarray]) -> None:
        """Note the end of an epoch."""
        self.laps.append((time.monotonic() - self._wall, time.process_time() - self._cpu, weights))


def _preset(
    name: str, training: "Dataset", validation: "Dataset | None", seed: int, clock: Clock
) -> tuple[Callable[[list[np.ndarray], np.ndarray], np.ndarray], float]:
    """Train as a job does; return what gives probabilities, and the temperature that they are at."""
    import tensorflow as tf  # noqa: PLC0415

    from traffic_signs.training import calibration, loop, model, presets  # noqa: PLC0415

    recipe = presets.PRESETS[name]
    network = model.build(recipe.network, len(training.names))
    temperature = _TEMPERATURES.get(name, 1.0)

    def logits(weights: list[np.ndarray], images: np.ndarray) -> np.ndarray:
        for variable, value in zip(network.variables, weights, strict=False):  # the optimizer's come after them
            variable.assign(value)
        found: np.ndarray = network.predict(images, batch_size=256, verbose=0)
        return found

    fit = loop.fit(
        recipe, training, validation, seed=seed, strategy=tf.distribute.get_strategy(), stop=threading.Event(),
        save=lambda state: clock.lap(state.variables),
    )  # fmt: skip
    if validation:
        temperature = calibration.temperature(
            logits(clock.laps[fit.best_epoch - 1][2], validation.images), validation.labels
        )
    return lambda weights, images: scipy.special.softmax(logits(weights, images) / temperature, axis=1), temperature


def _figures(probabilities: np.ndarray, test: "Dataset", temperature: float) -> dict[str, float]:
    from traffic_signs.training.calibration import expected_calibration_error  # noqa: PLC0415

    right = probabilities.argmax(1) == test.labels
    return {
        "test": float(right.mean()),
        "weakest_class": float(min(right[test.labels == label].mean() for label in range(len(test.names)))),
        "temperature": temperature,
        "ece": expected_calibration_error(probabilities, test.labels),
    }


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return medians over the seeds; a target that a run never reaches counts with the whole run."""
    found: dict[str, Any] = {
        name: statistics.median(run[name] for run in runs) for name in ("test", "weakest_class", "ece")
    }
    found["test_of_each_seed"] = [run["test"] for run in runs]
    if "validation" in runs[0]["epochs"][0]:
        found["validation"] = statistics.median(max(epoch["validation"] for epoch in run["epochs"]) for run in runs)
    for clock in ("cpu_seconds", "wall_seconds"):
        found[clock] = statistics.median(run["epochs"][-1][clock] for run in runs)
        for name, target in TARGETS.items():
            if name in runs[0]["epochs"][0]:
                reached = [[epoch for epoch in run["epochs"] if epoch[name] >= target] for run in runs]
                found[f"{clock}_to_{name}"] = statistics.median(
                    (epochs or run["epochs"][-1:])[0][clock] for epochs, run in zip(reached, runs, strict=True)
                )
                found[f"reached_{name}"] = sum(map(bool, reached))
    return found


def _show(summary: dict[str, dict[str, Any]]) -> None:
    table = Table("recipe", "CPU s", "validation", "test", "weakest class", "ECE")
    for name, target in TARGETS.items():
        table.add_column(f"CPU s to {name} {target}")
    base = summary.get("article")
    for recipe, row in summary.items():
        cells = [recipe, f"{row['cpu_seconds']:.1f}", f"{row['validation']:.4f}" if "validation" in row else "-"]
        cells += [f"{row['test']:.4f}", f"{row['weakest_class']:.3f}", f"{row['ece']:.4f}"]
        for name in TARGETS:
            key, reached = f"cpu_seconds_to_{name}", row.get(f"reached_{name}")
            ratio = f", {base[key] / row[key]:.1f} times less" if base and reached and recipe != "article" else ""
            cells.append(
                f"{row[key]:.1f}{ratio} ({reached} of {len(row['test_of_each_seed'])} reach it)" if reached else "-"
            )
        table.add_row(*cells)
    Console().print(table)


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return f"{line.partition(':')[2].strip()}, {os.cpu_count()} cores"
    return platform.processor()


if __name__ == "__main__":
    main()
