"""Share of augmentation in a training step: `make bench-pipeline`.

    PREPARED's images ──> steps of `best` as it is ────────┐
                     └──> steps without augmentation ──────┴─ alternating ──> medians, their difference in percent

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
    """Time ten steps with and without augmentation, alternating, on the arrays in PREPARED."""
    os.environ.update(TF_NUM_INTRAOP_THREADS="1", TF_NUM_INTEROP_THREADS="1")  # TensorFlow reads them at import
    from traffic_signs.training.fit import distribution, hosts  # noqa: PLC0415
    from traffic_signs.training.fit.trainer import Trainer  # noqa: PLC0415
    from traffic_signs.training.recipe import presets  # noqa: PLC0415

    training = Dataset.load(prepared / "training" / "training.npz")
    best = presets.PRESETS["best"]
    strategy = distribution.strategy(hosts.Hosts("here", ("here",)))
    trainers = {
        "augmented": Trainer(best, training, 1, strategy),
        "plain": Trainer(replace(best, augmentation=None), training, 1, strategy),
    }
    seconds: dict[str, list[float]] = {name: [] for name in trainers}
    for turn in range(rounds + 1):
        for name, trainer in trainers.items():
            start = time.process_time()
            trainer.train(turn * _STEPS, _STEPS, stop=False)
            if turn:  # the first turn compiles
                seconds[name].append((time.process_time() - start) / _STEPS)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    table = Table("steps of best", "CPU ms, median", "minimum", "maximum")
    for name, values in seconds.items():
        table.add_row(name, *(f"{1000 * value:.1f}" for value in (medians[name], min(values), max(values))))
    Console().print(table)
    Console().print(f"augmentation: {1 - medians['plain'] / medians['augmented']:.1%} of a step")


if __name__ == "__main__":
    main()
