"""One training of the benchmark, in its own process; prints a line of JSON.

recipe, seed, arrays -> seconds and exported weights after each epoch, kept in a folder -> accuracies, not timed
"""

import json
from pathlib import Path

import click
import numpy as np

from tests.bench.training.clock import Clock
from traffic_signs.data.dataset import Dataset
from traffic_signs.data.split import split


@click.command(
    epilog="""\b
    Example:
      python -m tests.bench.training.one quick 1 results/GTSRB/data results/bench/training/quick-1
    """
)
@click.argument("recipe")
@click.argument("seed", type=int)
@click.argument("prepared", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
def main(recipe: str, seed: int, prepared: Path, folder: Path) -> None:
    """Train once, or resume what FOLDER holds of a preset's training; print the results as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = Dataset.load(prepared / "training" / "training.npz").concatenate(
        Dataset.load(prepared / "validation" / "validation.npz")
    )
    test = Dataset.load(prepared / "test" / "test.npz")
    training, held_out = split(whole, 0.2, "random", seed)
    validation = None if recipe in ("fast", "best") else held_out
    # imported before the clock starts, and only one of them: the presets' code sets variables that TensorFlow reads
    # when it is imported, while the article's recipe runs with TensorFlow's defaults, such as oneDNN by CPU
    if recipe == "article":
        from tests.bench.training import article  # noqa: PLC0415

        clock = Clock(folder)
        predict = article.fit(training, held_out, seed, clock.lap)
    else:
        from tests.bench.training import preset  # noqa: PLC0415

        clock = Clock(folder)
        predict = preset.fit(recipe, training if validation else whole, validation, seed, clock)
    epochs = []
    for wall, cpu, weights in clock.laps:
        accuracies = {
            name: float(np.mean(predict(weights, part.images).argmax(1) == part.labels))
            for name, part in {"validation": validation, "test": test}.items()
            # the test accuracy only tells when 0.924 was reached; it selects no epoch
            if part is not None
        }
        epochs.append({"wall_seconds": wall, "cpu_seconds": cpu, **accuracies})
    # as in a job: the epoch with the best validation accuracy; without validation images, the last
    kept = max(range(len(epochs)), key=lambda index: epochs[index].get("validation", index))
    results = _evaluate(predict(clock.laps[kept][2], test.images), test)
    print(json.dumps({"recipe": recipe, "seed": seed, **results, "epochs": epochs}))  # noqa: T201


def _evaluate(probabilities: np.ndarray, test: Dataset) -> dict[str, float]:
    from traffic_signs.training.results.calibration import expected_calibration_error  # noqa: PLC0415

    correct = probabilities.argmax(1) == test.labels
    return {
        "test": float(correct.mean()),
        "weakest_class": float(min(correct[test.labels == label].mean() for label in range(len(test.names)))),
        "ece": expected_calibration_error(probabilities, test.labels),
    }


if __name__ == "__main__":
    main()
