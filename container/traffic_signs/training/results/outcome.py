"""Outcome of a training: its history, the model's predictions on the validation set, and headline metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from traffic_signs.data.dataset import Dataset
from traffic_signs.training.results.calibration import cross_entropy, expected_calibration_error


@dataclass(frozen=True, eq=False)
class Validation:
    """The held-out images and the model's predictions for them."""

    data: Dataset
    """The images; their classes are those of the training images."""
    probabilities: np.ndarray
    """Calibrated predictions, float32 [N, C]."""
    uncalibrated: np.ndarray
    """Predictions at temperature 1, float32 [N, C]."""


@dataclass(frozen=True, eq=False)
class Run:
    """A completed training run."""

    history: Mapping[str, Sequence[float]]
    """A value per epoch of each metric: `train_loss`, `train_accuracy`, `validation_loss`,
    `validation_accuracy`, `learning_rate`."""
    best_epoch: int
    """The epoch whose weights the model has, counted from 1."""
    training: Dataset
    validation: Validation | None
    """None if no image was held out."""
    temperature: float
    """Divisor of the model's logits; 1 if it was not calibrated."""
    settings: Mapping[str, object]
    """Every setting by its name, including defaults."""
    versions: Mapping[str, str]
    """Version of each package."""
    seconds: float
    """Wall time of the training."""
    stopped: bool = False
    """Whether SIGTERM ended the training before its last epoch."""
    resumed: bool = False
    """Whether the training resumed from a checkpoint."""

    @property
    def parts(self) -> dict[str, Dataset]:
        """The data sets of the run by name."""
        return {"training": self.training} | ({"validation": self.validation.data} if self.validation else {})

    @cached_property
    def headline(self) -> dict[str, float]:
        """The headline metrics of the run.

        They are `best_epoch`, `temperature`, and for the validation set `validation_accuracy`,
        `balanced_accuracy` (the mean over its classes), `validation_loss` (the cross-entropy of
        `probabilities`, in nats) and `ece` (the expected calibration error);
        `validation_loss_uncalibrated` and `ece_uncalibrated` are the last two at temperature 1.
        Without a validation set, `train_loss` and `train_accuracy` of the best epoch replace them.
        """
        metrics: dict[str, float] = {"best_epoch": self.best_epoch, "temperature": self.temperature}
        if not self.validation:
            names = [name for name in ("train_loss", "train_accuracy") if self.history.get(name)]
            return metrics | {name: float(self.history[name][self.best_epoch - 1]) for name in names}
        labels, counts = self.validation.data.labels, self.validation.data.counts
        correct = self.validation.probabilities.argmax(1) == labels
        class_accuracy = np.bincount(labels[correct], minlength=len(counts))[counts > 0] / counts[counts > 0]
        return metrics | {
            "validation_accuracy": float(correct.mean()),
            "balanced_accuracy": float(class_accuracy.mean()),
            "validation_loss": cross_entropy(self.validation.probabilities, labels),
            "validation_loss_uncalibrated": cross_entropy(self.validation.uncalibrated, labels),
            "ece": expected_calibration_error(self.validation.probabilities, labels),
            "ece_uncalibrated": expected_calibration_error(self.validation.uncalibrated, labels),
        }
