"""One training job, from its data sets to its model and report.

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
from traffic_signs.training.fit.cluster import Cluster
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
    cluster: Cluster,
    stop: threading.Event,
) -> None:
    """Train, write the model to /opt/ml/model and the report to /opt/ml/output/data.

    A report that cannot be written is logged as a warning with its reason.

    Args:
        paths: location of /opt/ml.
        settings: hyperparameters; the report lists them.
        recipe: the preset's recipe, with the fields that *settings* replace.
        training: images to train on.
        validation: images that choose the best epoch and the temperature; with `final`, further images to train on.
        cluster: connections to the other hosts.
        stop: ends the training when it is set.

    Raises:
        SettingsError: a GPU is required and TensorFlow sees none.
        CheckpointError: the checkpoint belongs to another training.
        HostsError: another host was lost.
        TrafficSignsError: the loss diverged, or the exported model's predictions differ from the trained one's.
    """
    if settings.require_gpu and not tf.config.list_physical_devices("GPU"):
        devices = ", ".join(device.name for device in tf.config.list_physical_devices())
        raise SettingsError(
            f"hyperparameter require_gpu = true, but TensorFlow {tf.__version__} sees only {devices}; "
            "use the gpu image on an instance type with a GPU, or omit require_gpu"
        )
    if not settings.final and settings.temperature != 1:
        _log.warning(
            "hyperparameter temperature = %s is ignored without final = true: it is fitted on the validation images",
            settings.temperature,
        )
    held_out = None if settings.final else validation
    if settings.final:
        training = training.concatenate(validation)
    fit = _fit(paths, settings, recipe, training, held_out, cluster=cluster, stop=stop)
    if not cluster.hosts.is_chief:
        return
    keras.config.set_dtype_policy("float32")  # the served model computes in float32, whatever precision trained it
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
        # in the form of the epochs' metric: a tuning job compares the last values, which then are those of the models
        _log.info("best epoch %d: validation_accuracy=%.6f", fit.best_epoch, outcome.headline["validation_accuracy"])
    _write_report(paths, outcome)


def _write_report(paths: OptMl, outcome: Run) -> None:
    """Write the report, or log why it failed: the model is complete by now, so the job must not fail."""
    try:
        report.write(paths.output_data, outcome)
    except Exception as error:  # noqa: BLE001 - a full disk, a missing font, a class name: any cause at all
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
    cluster: Cluster,
    stop: threading.Event,
) -> loop.Fit:
    """Train on all hosts, from the chief's newest checkpoint if it has one."""
    chief = cluster.hosts.is_chief
    # a job that did not ask for checkpoints has no such folder, and the platform would not keep it
    checkpoints = Checkpoints(paths.checkpoints if chief and paths.checkpoints.is_dir() else None)
    identity = loop.identity(recipe, training, validation, settings.seed)
    newest = checkpoints.newest(identity)
    chief_state = cluster.synchronize(repr(identity), newest.to_bytes() if newest else b"")
    several_hosts = len(cluster.hosts.names) > 1
    with distribution.host_loss_as_error() if several_hosts else contextlib.nullcontext():
        strategy = distribution.strategy(cluster.hosts)
        devices = [device.name for device in tf.config.list_logical_devices()]
        precision = distribution.choose_precision(recipe.mixed_precision)
        _log.info("TensorFlow %s sees %s, computes in %s", tf.__version__, ", ".join(devices), precision)
        _log.info("%d replicas on %d hosts", strategy.num_replicas_in_sync, len(cluster.hosts.names))
        _log.info("%d images to train on, %d to validate", len(training), len(validation) if validation else 0)
        _log.info("%s: %s", settings.preset, recipe)
        return loop.fit(
            recipe,
            training,
            validation,
            seed=settings.seed,
            strategy=strategy,
            stop=stop,
            resume=State.from_bytes(chief_state) if chief_state else None,
            save=checkpoints.save if chief else lambda _state: None,
            chief=chief,
            tensorboard=paths.tensorboard,
        )
