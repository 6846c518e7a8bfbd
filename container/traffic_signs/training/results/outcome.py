"""What a training came to: how it ran, what its model answers to the validation set, and the headline of both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from traffic_signs.data.dataset import Dataset
from traffic_signs.training.results.calibration import cross_entropy, expected_calibration_error


@dataclass(frozen=True, eq=False)
class Validation:
    """The images that were kept back, and what the model answers to them."""

    data: Dataset
    """It has the classes of the training images."""
    probabilities: np.ndarray
    """float32 [N, C]."""
    uncalibrated: np.ndarray
    """The same at temperature 1, float32 [N, C]."""


@dataclass(frozen=True, eq=False)
class Run:
    """A training run that has ended."""

    history: Mapping[str, Sequence[float]]
    """A value an epoch of each quantity that was measured: `train_loss`, `train_accuracy`,
    `validation_loss`, `validation_accuracy`, `learning_rate`."""
    best_epoch: int
    """The epoch whose weights the model has, counted from 1."""
    training: Dataset
    validation: Validation | None
    """None if no image was kept back."""
    temperature: float
    """What the model divides its logits by; 1 if it was not calibrated."""
    settings: Mapping[str, object]
    """Every setting by its name, defaults too."""
    versions: Mapping[str, str]
    """Packages and their versions."""
    seconds: float
    """Wall time of the training."""
    stopped: bool = False
    """SIGTERM ended it before its last epoch."""
    resumed: bool = False
    """It went on from a checkpoint."""

    @property
    def parts(self) -> dict[str, Dataset]:
        """The data sets that there are, by name."""
        return {"training": self.training} | ({"validation": self.validation.data} if self.validation else {})

    @cached_property
    def headline(self) -> dict[str, float]:
        """The figures of the run as a whole.

        `best_epoch`, `temperature`, and of the validation set `validation_accuracy`,
        `balanced_accuracy` (the mean over the classes that it has), `validation_loss` (the
        cross-entropy of `probabilities`, in nats), `ece` (the expected calibration error) and the
        last two at temperature 1, `validation_loss_uncalibrated` and `ece_uncalibrated`. Without a
        validation set it has the training's `train_loss` and `train_accuracy` of the best epoch.
        """
        figures: dict[str, float] = {"best_epoch": self.best_epoch, "temperature": self.temperature}
        if not self.validation:
            names = [name for name in ("train_loss", "train_accuracy") if self.history.get(name)]
            return figures | {name: float(self.history[name][self.best_epoch - 1]) for name in names}
        labels, counts = self.validation.data.labels, self.validation.data.counts
        right = self.validation.probabilities.argmax(1) == labels
        per_class = np.bincount(labels[right], minlength=len(counts))[counts > 0] / counts[counts > 0]
        return figures | {
            "validation_accuracy": float(right.mean()),
            "balanced_accuracy": float(per_class.mean()),
            "validation_loss": cross_entropy(self.validation.probabilities, labels),
            "validation_loss_uncalibrated": cross_entropy(self.validation.uncalibrated, labels),
            "ece": expected_calibration_error(self.validation.probabilities, labels),
            "ece_uncalibrated": expected_calibration_error(self.validation.uncalibrated, labels),
        }
