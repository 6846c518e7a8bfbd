"""Progress of a training: step, sums of the current epoch, history, best weights.

Progress.advance (Trainer.train) -> Progress.end_epoch (Trainer.evaluate) -> Progress.state <-> checkpoint
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from traffic_signs.data.dataset import Dataset
from traffic_signs.errors import CheckpointError, DataError
from traffic_signs.training.fit.checkpoints import State
from traffic_signs.training.fit.trainer import Trainer
from traffic_signs.training.recipe import schedule
from traffic_signs.training.recipe.presets import Recipe

_STEPS_PER_CALL = 10
"""Steps between two checks of the stop signal; TensorFlow takes them without returning to Python."""


class Progress:
    """Current step, metrics and best weights of a training."""

    def __init__(
        self, recipe: Recipe, trainer: Trainer, validation: Dataset | None, identity: Mapping[str, Any]
    ) -> None:
        """Start at step 0; *identity* is written to checkpoints."""
        self._recipe, self._trainer, self._validation, self._identity = recipe, trainer, validation, identity
        names = ("train_loss", "train_accuracy", "learning_rate") + (
            ("validation_loss", "validation_accuracy") if validation else ()
        )
        self.history: dict[str, list[float]] = {name: [] for name in names}
        self.step = 0
        self.best_epoch = 0
        self.best_weights: list[np.ndarray] = []
        self.seconds_before = 0.0
        self._loss_sum = self._correct_sum = 0.0

    def state(self, seconds: float) -> State:
        """Return the content of a checkpoint; *seconds* is the time that this job has spent."""
        return State(
            self._identity,
            self.step,
            [np.asarray(variable) for variable in self._trainer.variables],
            self._loss_sum,
            self._correct_sum,
            {name: list(values) for name, values in self.history.items()},
            self.best_epoch,
            self.best_weights,
            self.seconds_before + seconds,
        )

    def restore(self, state: State) -> None:
        """Resume from *state*.

        Raises:
            CheckpointError: its variables have other shapes.
        """
        variables = self._trainer.variables
        if [tuple(variable.shape) for variable in variables] != [value.shape for value in state.variables]:
            raise CheckpointError("the checkpoint's network has other variables; another version wrote it")
        for variable, value in zip(variables, state.variables, strict=True):
            variable.assign(value)
        self.step, self._loss_sum, self._correct_sum = state.step, state.loss, state.correct
        self.history = {name: list(values) for name, values in state.history.items()}
        self.best_epoch, self.best_weights, self.seconds_before = state.best_epoch, state.best, state.seconds

    def advance(self, stop: bool) -> bool:
        """Take up to ten steps of the current epoch; return whether any host asks to stop.

        Raises:
            DataError: the loss became NaN or infinite.
        """
        trainer = self._trainer
        count = min(_STEPS_PER_CALL, trainer.steps_per_epoch - self.step % trainer.steps_per_epoch)
        loss, correct, stopping = trainer.train(self.step, count, stop)
        if not math.isfinite(loss):
            raise DataError(
                f"the loss became NaN or infinite; try a lower learning_rate than {self._recipe.learning_rate}"
            )
        self.step += count
        self._loss_sum += loss
        self._correct_sum += correct
        return stopping

    def end_epoch(self) -> None:
        """Record the metrics of the epoch, validate, and keep the weights if they are the best so far."""
        trainer, history = self._trainer, self.history
        images = ((self.step - 1) % trainer.steps_per_epoch + 1) * trainer.batch
        history["train_loss"].append(self._loss_sum / images)
        history["train_accuracy"].append(self._correct_sum / images)
        history["learning_rate"].append(schedule.current_rate(trainer.optimizer))
        self._loss_sum = self._correct_sum = 0.0
        if self._validation is None:
            self.keep_current_weights()
            return
        with trainer.averaged():
            loss, accuracy = trainer.evaluate(self._validation)
            weights = trainer.model.get_weights()
        history["validation_loss"].append(loss)
        history["validation_accuracy"].append(accuracy)
        ranks = [(a, -b) for a, b in zip(history["validation_accuracy"], history["validation_loss"], strict=True)]
        if not self.best_weights or ranks[-1] > ranks[self.best_epoch - 1]:
            self.best_epoch, self.best_weights = len(ranks), weights

    def keep_current_weights(self) -> None:
        """Make the current weights the best ones."""
        with self._trainer.averaged():
            self.best_epoch, self.best_weights = len(self.history["train_loss"]), self._trainer.model.get_weights()
