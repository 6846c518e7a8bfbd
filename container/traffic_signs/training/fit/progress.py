"""Where a training is: steps, sums of the epoch, history, best weights <-> the state that checkpoints hold."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from traffic_signs.data.dataset import Dataset
from traffic_signs.errors import CheckpointError, DataError
from traffic_signs.training.fit.checkpoints import State
from traffic_signs.training.fit.trainer import Trainer
from traffic_signs.training.recipe.presets import Recipe

_STEPS_A_CALL = 10
"""Steps between two looks at the stop signal; TensorFlow takes them without coming back to Python."""


class Progress:
    """Where the training is, and what was best until now."""

    def __init__(self, recipe: Recipe, trainer: Trainer, validation: Dataset | None, of: Mapping[str, Any]) -> None:
        """Begin; *of* is the identity that checkpoints get."""
        self._recipe, self._trainer, self._validation, self._identity = recipe, trainer, validation, of
        names = ("train_loss", "train_accuracy", "learning_rate") + (
            ("validation_loss", "validation_accuracy") if validation else ()
        )
        self.history: dict[str, list[float]] = {name: [] for name in names}
        self.step = 0
        self.best_epoch = 0
        self.best: list[np.ndarray] = []
        self.seconds_before = 0.0
        self._loss = self._correct = 0.0

    def state(self, seconds: float) -> State:
        """Return all that a checkpoint holds; *seconds* is what this job has spent."""
        return State(
            self._identity,
            self.step,
            [np.asarray(variable) for variable in self._trainer.variables],
            self._loss,
            self._correct,
            {name: list(values) for name, values in self.history.items()},
            self.best_epoch,
            self.best,
            self.seconds_before + seconds,
        )

    def restore(self, state: State) -> None:
        """Go on from *state*.

        Raises:
            CheckpointError: it has variables of other shapes.
        """
        variables = self._trainer.variables
        if [tuple(variable.shape) for variable in variables] != [value.shape for value in state.variables]:
            raise CheckpointError("the checkpoint's network has other variables; it was made by another version")
        for variable, value in zip(variables, state.variables, strict=True):
            variable.assign(value)
        self.step, self._loss, self._correct = state.step, state.loss, state.correct
        self.history = {name: list(values) for name, values in state.history.items()}
        self.best_epoch, self.best, self.seconds_before = state.best_epoch, state.best, state.seconds

    def advance(self, stop: bool) -> bool:
        """Take up to ten steps of this epoch; return whether any host wants to stop.

        Raises:
            DataError: the loss is no number any more.
        """
        trainer = self._trainer
        count = min(_STEPS_A_CALL, trainer.steps_per_epoch - self.step % trainer.steps_per_epoch)
        loss, correct, stopping = trainer.train(self.step, count, stop)
        if not math.isfinite(loss):
            raise DataError(
                f"the loss is no number any more; try a lower learning_rate than {self._recipe.learning_rate}"
            )
        self.step += count
        self._loss += loss
        self._correct += correct
        return stopping

    def end_epoch(self) -> None:
        """Validate, and keep the weights if they are the best so far."""
        trainer, history = self._trainer, self.history
        images = ((self.step - 1) % trainer.steps_per_epoch + 1) * trainer.batch
        history["train_loss"].append(self._loss / images)
        history["train_accuracy"].append(self._correct / images)
        history["learning_rate"].append(float(np.asarray(trainer.optimizer.learning_rate)))
        self._loss = self._correct = 0.0
        if self._validation is None:
            return
        loss, accuracy = trainer.evaluate(self._validation)
        history["validation_loss"].append(loss)
        history["validation_accuracy"].append(accuracy)
        ranks = [(a, -b) for a, b in zip(history["validation_accuracy"], history["validation_loss"], strict=True)]
        if not self.best or ranks[-1] > ranks[self.best_epoch - 1]:
            self.best_epoch, self.best = len(ranks), trainer.model.get_weights()

    def keep_last(self) -> None:
        """Take the weights as they are now for the best."""
        self.best_epoch, self.best = len(self.history["train_loss"]), self._trainer.model.get_weights()
