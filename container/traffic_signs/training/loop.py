"""Arrays and settings -> a fitted network and its history."""

import logging
import signal
import time
from dataclasses import dataclass
from types import FrameType

import keras
import numpy as np

from traffic_signs.data.dataset import Dataset
from traffic_signs.errors import DataError
from traffic_signs.settings import TrainingSettings
from traffic_signs.training import model as models

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fit:
    """A fitted network, with the weights of its best epoch, and how it came about."""

    model: keras.Model
    history: dict[str, list[float]]
    """`train_loss`, `train_accuracy`, `validation_loss`, `validation_accuracy`: a value an epoch."""
    best_epoch: int
    """Counted from 1: the first epoch with the highest validation accuracy."""


def fit(training: Dataset, validation: Dataset, settings: TrainingSettings) -> Fit:
    """Train the preset's network with Adam on the cross-entropy.

    SIGTERM (StopTrainingJob, a spot interruption) ends it after the current batch; what has been
    learnt until then is kept. The same seed gives the same weights on the same machine's CPU.

    Raises:
        DataError: the loss is no number any more.
    """
    keras.utils.set_random_seed(settings.seed)
    model = models.build(settings.preset, len(training.names))
    model.compile(
        keras.optimizers.Adam(settings.learning_rate), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    best = keras.callbacks.EarlyStopping(
        "val_accuracy", mode="max", patience=settings.epochs, restore_best_weights=True
    )
    report = _Report(settings.epochs)
    previous = signal.signal(signal.SIGTERM, report.stop)
    try:
        model.fit(
            training.images,
            training.labels,
            batch_size=settings.batch_size,
            epochs=settings.epochs,
            validation_data=(validation.images, validation.labels),
            callbacks=[best, report],
            verbose=0,
        )
    finally:
        signal.signal(signal.SIGTERM, previous)
    if not np.isfinite(report.history["train_loss"]).all():
        raise DataError(f"the loss is no number any more; try a lower learning_rate than {settings.learning_rate}")
    return Fit(model, report.history, int(np.argmax(report.history["validation_accuracy"])) + 1)


class _Report(keras.callbacks.Callback):  # type: ignore[misc] # Keras has no types
    """Log each epoch: a line with the time for people, a line a metric for SageMaker's regexes."""

    _NAMES = {  # noqa: RUF012 - a constant
        "loss": "train_loss",
        "accuracy": "train_accuracy",
        "val_loss": "validation_loss",
        "val_accuracy": "validation_accuracy",
    }

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self.history: dict[str, list[float]] = {name: [] for name in self._NAMES.values()}
        self._epochs = epochs
        self._start = time.monotonic()
        self._stopped = False

    def stop(self, _signal: int, _frame: FrameType | None) -> None:
        _log.warning("SIGTERM: training stops after this batch, the model so far is kept")
        self._stopped = True

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:  # noqa: ARG002 - by name
        if self._stopped:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        spent = time.monotonic() - self._start
        left = spent / (epoch + 1) * (self._epochs - epoch - 1)
        _log.info("epoch %d of %d, %.0f s, about %.0f s left", epoch + 1, self._epochs, spent, left)
        for key, name in self._NAMES.items():
            value = float((logs or {})[key])
            self.history[name].append(value)
            _log.info("%s=%.6f", name, value)
