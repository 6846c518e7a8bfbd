"""One training job from its channels to its outputs, wherever /opt/ml is.

recipe, channels -> fit, on all hosts ┬> temperature -> export, checked -> model/     the chief writes these
      checkpoints/ <-> state ─────────┘                 report -> output/data/
"""

import contextlib
import logging
import platform
import threading
from dataclasses import asdict

import ai_edge_litert
import keras
import numpy as np
import tensorflow as tf
from scipy.special import softmax  # type: ignore[import-untyped] # SciPy has no types

import traffic_signs
from traffic_signs.data.dataset import Dataset
from traffic_signs.errors import SettingsError
from traffic_signs.model import artifact
from traffic_signs.paths import OptMl
from traffic_signs.settings.training import TrainingSettings
from traffic_signs.training.fit import distribution, loop
from traffic_signs.training.fit.checkpoints import Checkpoints, State
from traffic_signs.training.fit.cluster import Link
from traffic_signs.training.recipe import networks as models
from traffic_signs.training.recipe.presets import Recipe
from traffic_signs.training.results import calibration, report
from traffic_signs.training.results.export import export
from traffic_signs.training.results.outcome import Run, Validation

_log = logging.getLogger(__name__)


def run(
    paths: OptMl,
    settings: TrainingSettings,
    recipe: Recipe,
    training: Dataset,
    validation: Dataset,
    *,
    link: Link,
    stop: threading.Event,
) -> None:
    """Train, write the model to /opt/ml/model and the report to /opt/ml/output/data.

    Args:
        paths: where /opt/ml is.
        settings: written down in the report.
        recipe: the preset's, with what *settings* say otherwise.
        training: images to train on.
        validation: images that choose the best epoch and the temperature, or, with `final`, more to train on.
        link: to the other hosts.
        stop: ends the training when it is set.

    A report that cannot be written is a warning in the log, with its reason.

    Raises:
        SettingsError: a GPU is required and TensorFlow sees none.
        CheckpointError: the checkpoint is of another training.
        HostsError: another host was lost.
        TrafficSignsError: the loss diverged, or the export does not answer like the model.
    """
    if settings.require_gpu and not tf.config.list_physical_devices("GPU"):
        devices = ", ".join(device.name for device in tf.config.list_physical_devices())
        raise SettingsError(
            f"require_gpu = true, and TensorFlow {tf.__version__} sees only {devices}; "
            "use the gpu image on an instance type with a GPU, or leave require_gpu out"
        )
    if not settings.final and settings.temperature != 1:
        _log.warning(
            "hyperparameter temperature = %s is not used without final = true: it is fitted on the validation images",
            settings.temperature,
        )
    held_out = None if settings.final else validation
    if settings.final:
        training = training.joined(validation)
    fit = _fit(paths, settings, recipe, training, held_out, link=link, stop=stop)
    if not link.hosts.is_chief:
        return
    keras.config.set_dtype_policy("float32")  # what is served computes in it, whatever trained it
    network = models.build(recipe.network, len(training.names))
    network.set_weights(fit.weights)
    logits = network.predict(validation.images, batch_size=256, verbose=0)
    temperature = calibration.temperature(logits, held_out.labels) if held_out else settings.temperature
    _log.info("temperature %.3f", temperature)
    probabilities = softmax(logits / np.float32(temperature), axis=1)
    paths.model.mkdir(parents=True, exist_ok=True)
    agreement = export(
        models.with_probabilities(network, temperature),
        validation.images,
        probabilities,
        validation.labels,
        paths.model,
    )
    versions = {
        "traffic-signs": traffic_signs.__version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "litert": ai_edge_litert.__version__,
    }
    outcome = Run(
        history=fit.history,
        best_epoch=fit.best_epoch,
        training=training,
        validation=Validation(held_out, probabilities, softmax(logits, axis=1)) if held_out else None,
        temperature=temperature,
        settings={**asdict(settings), **asdict(recipe)},
        versions=versions,
        seconds=fit.seconds,
        stopped=fit.stopped,
        resumed=fit.resumed,
    )
    artifact.write(
        paths.model,
        artifact.Artifact(
            labels=training.names,
            input_shape=training.images.shape[1:],
            preset=settings.preset,
            data_fingerprint=training.fingerprint,
            temperature=temperature,
            metrics=outcome.headline,
            agreement=agreement,
            versions=versions,
        ),
    )
    if held_out:
        _log.info("best epoch %d: validation accuracy %.4f", fit.best_epoch, outcome.headline["validation_accuracy"])
    _report(paths, outcome)


def _report(paths: OptMl, outcome: Run) -> None:
    """Write the report. The model is what the job is for, and complete by now: no plot may make the job fail."""
    try:
        report.write(paths.output_data, outcome)
    except Exception as error:  # noqa: BLE001 - a disk, a font, a class's name: any cause at all
        _log.warning(
            "the model in %s is complete, the report in %s is not: %s: %s",
            paths.model, paths.output_data, type(error).__name__, error, exc_info=True,
        )  # fmt: skip


def _fit(
    paths: OptMl,
    settings: TrainingSettings,
    recipe: Recipe,
    training: Dataset,
    validation: Dataset | None,
    *,
    link: Link,
    stop: threading.Event,
) -> loop.Fit:
    """Train on all hosts, from the chief's newest checkpoint if it has one."""
    chief = link.hosts.is_chief
    # a job that asked for no checkpoints has no such folder, and nobody would keep what is in it
    checkpoints = Checkpoints(paths.checkpoints if chief and paths.checkpoints.is_dir() else None)
    identity = loop.identity(recipe, training, validation, settings.seed)
    found = checkpoints.newest(identity)
    shared = link.meet(repr(identity), found.to_bytes() if found else b"")
    several = len(link.hosts.names) > 1
    with distribution.lost_hosts() if several else contextlib.nullcontext():
        strategy = distribution.strategy(link.hosts)
        devices = [device.name for device in tf.config.list_logical_devices()]
        _log.info(
            "TensorFlow %s sees %s, computes in %s", tf.__version__, ", ".join(devices), distribution.choose_precision()
        )
        _log.info("%d replicas on %d hosts", strategy.num_replicas_in_sync, len(link.hosts.names))
        _log.info("%d images to train on, %d to validate", len(training), len(validation) if validation else 0)
        _log.info("%s: %s", settings.preset, recipe)
        return loop.fit(
            recipe,
            training,
            validation,
            seed=settings.seed,
            strategy=strategy,
            stop=stop,
            resume=State.from_bytes(shared) if shared else None,
            save=checkpoints.save if chief else lambda _state: None,
            chief=chief,
            tensorboard=paths.tensorboard,
        )
