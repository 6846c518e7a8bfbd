"""Parts of a training step: `make bench-pipeline`.

    PREPARED's images ─┬─> steps of `best` as it is ─────────┐
                       ├─> steps without augmentation ───────┼─ alternating ──> medians, their ratios
                       └─> steps in float32 on every CPU ────┘

Gathering and augmenting a batch are operations of the training graph. So there is no input queue that could run empty,
only their share of a step's time.
"""

import os
import statistics
import time
from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tests.bench import machine
from traffic_signs.data.dataset import Dataset

_STEPS = 10


@click.command(
    epilog="""\b
    Example:
      python -m tests.bench.pipeline results/GTSRB/data
    """
)
@click.argument("prepared", type=click.Path(exists=True, path_type=Path))
@click.option("--rounds", type=click.IntRange(1), default=9, show_default=True)
def main(prepared: Path, rounds: int) -> None:
    """Time ten steps of three kinds, alternating, on the arrays in PREPARED."""
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")  # TensorFlow reads them at import
    from traffic_signs.training.fit import distribution, hosts  # noqa: PLC0415
    from traffic_signs.training.fit.trainer import Trainer  # noqa: PLC0415
    from traffic_signs.training.recipe import presets  # noqa: PLC0415

    training = Dataset.load(prepared / "training" / "training.npz")
    best = presets.PRESETS["best"]
    strategy = distribution.strategy(hosts.Hosts("here", ("here",)))
    recipes = {
        "as it is": best,
        "without augmentation": replace(best, augmentation=None),
        "in float32": replace(best, mixed_precision=False),
    }
    trainers, precisions = {}, {}
    for name, recipe in recipes.items():
        precisions[name] = distribution.choose_precision(recipe.mixed_precision)
        trainers[name] = Trainer(recipe, training, 1, strategy)
    seconds: dict[str, list[float]] = {name: [] for name in trainers}
    for turn in range(rounds + 1):
        for name, trainer in trainers.items():
            start = time.process_time()
            trainer.train(turn * _STEPS, _STEPS, stop=False)
            if turn:  # the first turn compiles
                seconds[name].append((time.process_time() - start) / _STEPS)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    table = Table("steps of best", "precision", "CPU ms, median", "minimum", "maximum", "ratio")
    for name, values in seconds.items():
        times = (f"{1000 * value:.1f}" for value in (medians[name], min(values), max(values)))
        table.add_row(name, precisions[name], *times, f"{medians[name] / medians['as it is']:.2f}")
    console = Console()
    console.print(machine.describe()["cpu"])
    console.print(table)


if __name__ == "__main__":
    main()
