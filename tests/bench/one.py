"""One training of the benchmark, in its own process; prints a line of JSON.

recipe, seed, arrays -> seconds and exported weights after each epoch, kept in a folder -> accuracies, not timed
"""

import json
import time
from pathlib import Path

import click
import numpy as np

from traffic_signs.data.dataset import Dataset
from traffic_signs.data.split import split


@click.command(
    epilog="""\b
    Example:
      python -m tests.bench.one quick 1 results/GTSRB/data results/bench/training/quick-1
    """
)
@click.argument("recipe")
@click.argument("seed", type=int)
@click.argument("prepared", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
def main(recipe: str, seed: int, prepared: Path, folder: Path) -> None:
    """Train once, or resume what FOLDER holds of this training; print the results as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = Dataset.load(prepared / "training" / "training.npz").concatenate(
        Dataset.load(prepared / "validation" / "validation.npz")
    )
    test = Dataset.load(prepared / "test" / "test.npz")
    training, held_out = split(whole, 0.2, "random", seed)
    validation = None if recipe == "best" else held_out
    # imported before the clock starts, and only one of them: the presets' code sets variables that TensorFlow reads
    # when it is imported, while the article's recipe runs with TensorFlow's defaults, such as oneDNN by CPU
    if recipe == "article":
        from tests.bench import article  # noqa: PLC0415

        clock = Clock(folder, 0)  # too short to be worth a resume
        predict = article.fit(training, held_out, seed, clock.lap)
    else:
        from tests.bench import preset  # noqa: PLC0415

        found = preset.newest(recipe, training if validation else whole, validation, seed, folder)
        clock = Clock(folder, len(found.history["train_loss"]) if found else 0)
        predict = preset.fit(recipe, training if validation else whole, validation, seed, clock.lap, folder, found)
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


class Clock:
    """Wall and CPU seconds, and the weights that would be exported, at the end of each epoch; kept in *folder*."""

    def __init__(self, folder: Path, finished: int) -> None:
        """Start after *finished* epochs, which *folder* holds."""
        self._folder = folder
        self.laps = [_read(folder / f"epoch-{number:03d}.npz") for number in range(1, finished + 1)]
        wall, cpu, _ = self.laps[-1] if self.laps else (0.0, 0.0, [])
        self._wall, self._cpu = time.monotonic() - wall, time.process_time() - cpu

    def lap(self, weights: list[np.ndarray]) -> None:
        """Record the end of an epoch."""
        seconds = np.array([time.monotonic() - self._wall, time.process_time() - self._cpu])
        self.laps.append((float(seconds[0]), float(seconds[1]), weights))
        np.savez(self._folder / f"epoch-{len(self.laps):03d}.npz", seconds, *weights, allow_pickle=False)


def _read(path: Path) -> tuple[float, float, list[np.ndarray]]:
    with np.load(path, allow_pickle=False) as archive:
        (wall, cpu), *weights = (archive[name] for name in archive.files)
    return float(wall), float(cpu), weights


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
