"""Training loop: a recipe and arrays -> trained weights and their history.

    ten steps at a time (progress.py, trainer.py) -> check for SIGTERM
    after each epoch: validation -> best weights -> log: progress, a line for each metric -> checkpoint

All randomness follows from the seed and the step, or from variables that checkpoints hold. On a CPU
a training that resumes from a checkpoint therefore ends with bit-identical weights.

The project has its own loop because Keras's `fit` (3.15) fails under MultiWorkerMirroredStrategy and
cannot resume within an epoch.
"""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from traffic_signs.data.dataset import Dataset
from traffic_signs.training.fit.checkpoints import State
from traffic_signs.training.fit.progress import Progress
from traffic_signs.training.fit.trainer import Trainer
from traffic_signs.training.recipe.presets import Recipe

_log = logging.getLogger(__name__)
_METRICS = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
"""Metrics that the Estimator's regular expressions find in the log."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Trained weights and their history."""

    weights: list[np.ndarray]
    """Weights of the best epoch, in the order of the network's `get_weights`."""
    history: dict[str, list[float]]
    """A value for each epoch: `train_loss` (what is minimised), `train_accuracy`, `learning_rate` at its
    end and, with validation, `validation_loss` (cross-entropy), `validation_accuracy`."""
    best_epoch: int
    """Counted from 1: the epoch with the highest validation accuracy; of several, the one with the
    lowest validation loss. Without validation, the last epoch."""
    seconds: float
    """Wall time, including the jobs that wrote the checkpoint."""
    stopped: bool
    """SIGTERM came before the last step."""
    resumed: bool
    """The training resumed from a checkpoint."""


def identity(recipe: Recipe, training: Dataset, validation: Dataset | None, seed: int) -> dict[str, Any]:
    """Return the settings and data that a checkpoint must have been made with, as JSON values."""
    data = {
        "training_data": training.fingerprint,
        "validation_data": validation.fingerprint if validation else None,
        "seed": seed,
    }
    json_values: dict[str, Any] = json.loads(json.dumps({**asdict(recipe), **data}))
    return json_values


def fit(
    recipe: Recipe,
    training: Dataset,
    validation: Dataset | None,
    *,
    seed: int,
    strategy: tf.distribute.Strategy,
    stop: threading.Event,
    resume: State | None = None,
    save: Callable[[State], None] = lambda _state: None,
    chief: bool = True,
    tensorboard: Path | None = None,
) -> Fit:
    """Train the network of *recipe*.

    Args:
        recipe: network, batch size of all replicas together, steps, learning rate.
        training: images to train on.
        validation: images that choose the best epoch; with None the last epoch is kept.
        seed: on the same machine's CPU, the same seed gives the same weights.
        strategy: from `distribution.strategy`.
        stop: when it is set, training ends after at most ten steps and returns the weights so far.
        resume: state to resume from; None starts anew.
        save: called with the state after each epoch and at a stop.
        chief: whether this host writes the metrics.
        tensorboard: folder for event files; None writes none.

    Raises:
        DataError: the loss became NaN or infinite.
        CheckpointError: the variables of *resume* have other shapes.
    """
    keras.utils.set_random_seed(seed)
    trainer = Trainer(recipe, training, seed, strategy)
    progress = Progress(recipe, trainer, validation, identity(recipe, training, validation, seed))
    if resume:
        progress.restore(resume)
        _log.info("resuming after step %d of %d", resume.step, trainer.total_steps)
    first, start = progress.step, time.monotonic()
    writer = _event_file_writer(tensorboard if chief else None)
    stopping = False
    while progress.step < trainer.total_steps and not stopping:
        stopping = progress.advance(stop.is_set())
        if progress.step % trainer.steps_per_epoch:
            continue
        progress.end_epoch()
        spent = time.monotonic() - start
        left = spent / (progress.step - first) * (trainer.total_steps - progress.step)
        if chief:
            epoch = len(progress.history["train_loss"])
            _log.info("epoch %d of %d, %.0f s, about %.0f s left", epoch, recipe.epochs, spent, left)
            _write_metrics(progress.history, writer, epoch)
        save(progress.state(spent))
    stopped = progress.step < trainer.total_steps  # a signal during the last step comes too late to shorten anything
    if stopped:
        _log.warning(
            "SIGTERM: training stops after step %d of %d; the weights so far are kept",
            progress.step,
            trainer.total_steps,
        )
        save(progress.state(time.monotonic() - start))
        if not progress.history["train_loss"]:
            progress.end_epoch()
    if validation is None:
        progress.keep_current_weights()
    digest = hashlib.sha256(b"".join(weight.tobytes() for weight in progress.best_weights)).hexdigest()
    _log.info("weights of epoch %d, SHA-256 %s", progress.best_epoch, digest)
    seconds = progress.seconds_before + time.monotonic() - start
    return Fit(progress.best_weights, progress.history, progress.best_epoch, seconds, stopped, resume is not None)


def _write_metrics(history: Mapping[str, list[float]], writer: tf.summary.SummaryWriter, epoch: int) -> None:
    """Log a line for each metric, which SageMaker's regular expressions read, and write all for TensorBoard."""
    for name in _METRICS:
        if name in history:
            _log.info("%s=%.6f", name, history[name][-1])
    # the metadata that tf.summary.scalar writes; that function needs the package tensorboard, which reads the files
    scalar = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"}, data_class=1)
    try:
        with writer.as_default(step=epoch):
            for name, values in history.items():
                tf.summary.write(name, tf.constant(values[-1]), metadata=scalar)
        writer.flush()
    except tf.errors.OpError as error:
        _log.warning("epoch %d is missing from TensorBoard's event files: %s", epoch, error.message)


def _event_file_writer(folder: Path | None) -> tf.summary.SummaryWriter:
    """Open TensorBoard's event files in *folder*; where it is unusable, log a warning and write none."""
    if folder:
        try:
            return tf.summary.create_file_writer(str(folder))
        except tf.errors.OpError as error:
            _log.warning("no event files for TensorBoard in %s: %s", folder, error.message)
    return tf.summary.create_noop_writer()
