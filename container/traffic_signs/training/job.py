"""One training job from its channels to its outputs, wherever /opt/ml is.

hyperparameters.json -> settings ┐
channels -> data sets            ┴> fit -> export, checked -> model/     -> report -> output/data/
"""

import logging
import platform

import ai_edge_litert
import keras
import tensorflow as tf

import traffic_signs
from traffic_signs import artifact
from traffic_signs.data.dataset import Dataset
from traffic_signs.errors import SettingsError
from traffic_signs.paths import OptMl
from traffic_signs.settings import TrainingSettings
from traffic_signs.training import loop, report
from traffic_signs.training.export import export

_log = logging.getLogger(__name__)


def run(paths: OptMl, settings: TrainingSettings, training: Dataset, validation: Dataset) -> None:
    """Train on *training*, write the model to /opt/ml/model and the report to /opt/ml/output/data.

    Raises:
        SettingsError: a GPU is required and TensorFlow sees none.
        TrafficSignsError: the loss diverged, or the export does not answer like the model.
    """
    devices = [device.name for device in tf.config.list_physical_devices()]
    _log.info("TensorFlow %s sees %s", tf.__version__, ", ".join(devices))
    if settings.require_gpu and not tf.config.list_physical_devices("GPU"):
        raise SettingsError(
            f"require_gpu = true, and TensorFlow {tf.__version__} sees only {', '.join(devices)}; "
            "use the gpu image on an instance type with a GPU, or leave require_gpu out"
        )
    _log.info("%d images to train on, %d to validate, %d classes", len(training), len(validation), len(training.names))
    _log.info("%s", settings)
    fit = loop.fit(training, validation, settings)

    paths.model.mkdir(parents=True, exist_ok=True)
    probabilities = fit.model.predict(validation.images, batch_size=256, verbose=0)
    difference = export(fit.model, validation.images, probabilities, paths.model)
    _log.info("the exported model answers within %.1g of the trained one", difference)
    predicted = probabilities.argmax(1)
    metrics = report.write(paths.output_data, fit, training, validation, predicted=predicted, settings=settings)
    versions = {
        "traffic-signs": traffic_signs.__version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "litert": ai_edge_litert.__version__,
    }
    artifact.write(
        paths.model,
        artifact.Artifact(
            labels=training.names,
            input_shape=training.images.shape[1:],
            preset=settings.preset,
            data_fingerprint=training.fingerprint,
            metrics={**metrics, "export_difference": difference},
            versions=versions,
        ),
    )
    _log.info("best epoch %d: validation accuracy %.4f", fit.best_epoch, metrics["validation_accuracy"])
