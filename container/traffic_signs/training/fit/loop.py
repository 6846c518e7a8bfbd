"""A recipe and arrays -> trained weights and how they came about.

    ten steps at a time (progress.py, trainer.py) -> is a stop asked for
    after each epoch: validation -> best weights, checkpoint, a line for people and one a metric

Everything random follows from the seed and the step, or from variables that checkpoints hold, so a
training that goes on from a checkpoint ends, on a CPU, with the very weights of one that never stopped.

The loop is ours because Keras's `fit` (3.15) fails under MultiWorkerMirroredStrategy and cannot go on
within an epoch.
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
"""What the shipped expressions find in the log."""


@dataclass(frozen=True, eq=False)
class Fit:
    """Trained weights, and how they came about."""

    weights: list[np.ndarray]
    """Of the best epoch, in the order of the network's `get_weights`."""
    history: dict[str, list[float]]
    """A value an epoch: `train_loss` (what is minimised), `train_accuracy`, `learning_rate` at its
    end and, with validation, `validation_loss` (cross-entropy), `validation_accuracy`."""
    best_epoch: int
    """Counted from 1: the one with the highest validation accuracy, of those the one with the
    lowest validation loss. Without validation the last one."""
    seconds: float
    """Wall time, that of the jobs before this one included."""
    stopped: bool
    """SIGTERM came before the last step."""
    resumed: bool
    """It went on from a checkpoint."""


def identity(recipe: Recipe, training: Dataset, validation: Dataset | None, seed: int) -> dict[str, Any]:
    """Return what a checkpoint must agree in to be gone on from, as JSON values."""
    data = {
        "training_data": training.fingerprint,
        "validation_data": validation.fingerprint if validation else None,
        "seed": seed,
    }
    found: dict[str, Any] = json.loads(json.dumps({**asdict(recipe), **data}))
    return found


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
        validation: images that choose the best epoch; None keeps the last.
        seed: the same one gives the same weights on the same machine's CPU.
        strategy: from `distribution.strategy`.
        stop: when it is set, training ends after at most ten steps, with what has been learnt.
        resume: where to go on; None begins.
        save: is given the state after each epoch and at a stop.
        chief: this host writes the metrics.
        tensorboard: folder for event files; None for none.

    Raises:
        DataError: the loss is no number any more.
        CheckpointError: *resume* has variables of other shapes.
    """
    keras.utils.set_random_seed(seed)
    trainer = Trainer(recipe, training, seed, strategy)
    progress = Progress(recipe, trainer, validation, identity(recipe, training, validation, seed))
    if resume:
        progress.restore(resume)
        _log.info("going on after step %d of %d", resume.step, trainer.total_steps)
    first, start = progress.step, time.monotonic()
    writer = _event_files(tensorboard if chief else None)
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
            _report(progress.history, writer, epoch)
        save(progress.state(spent))
    stopped = progress.step < trainer.total_steps  # a signal during the last step has cut nothing off
    if stopped:
        _log.warning(
            "SIGTERM: training stops after step %d of %d, what was learnt is kept", progress.step, trainer.total_steps
        )
        save(progress.state(time.monotonic() - start))
        if not progress.history["train_loss"]:
            progress.end_epoch()
    if validation is None:
        progress.keep_last()
    digest = hashlib.sha256(b"".join(weight.tobytes() for weight in progress.best)).hexdigest()
    _log.info("weights of epoch %d, SHA-256 %s", progress.best_epoch, digest)
    seconds = progress.seconds_before + time.monotonic() - start
    return Fit(progress.best, progress.history, progress.best_epoch, seconds, stopped, resume is not None)


def _report(history: Mapping[str, list[float]], writer: tf.summary.SummaryWriter, epoch: int) -> None:
    """Log a line a metric for SageMaker's regular expressions, and write them for TensorBoard."""
    for name in _METRICS:
        if name in history:
            _log.info("%s=%.6f", name, history[name][-1])
    # what tf.summary.scalar writes; that function itself needs the package tensorboard, which reads the files
    scalar = tf.compat.v1.SummaryMetadata(plugin_data={"plugin_name": "scalars"}, data_class=1)
    try:
        with writer.as_default(step=epoch):
            for name, values in history.items():
                tf.summary.write(name, tf.constant(values[-1]), metadata=scalar)
        writer.flush()
    except tf.errors.OpError as error:
        _log.warning("epoch %d is missing from TensorBoard's event files: %s", epoch, error.message)


def _event_files(folder: Path | None) -> tf.summary.SummaryWriter:
    """Open TensorBoard's event files; the training does not need them, and goes without where *folder* is unusable."""
    if folder:
        try:
            return tf.summary.create_file_writer(str(folder))
        except tf.errors.OpError as error:
            _log.warning("no event files for TensorBoard in %s: %s", folder, error.message)
    return tf.summary.create_noop_writer()
