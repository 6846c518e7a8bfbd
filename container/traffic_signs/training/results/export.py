"""Export of a trained network to the files that serve it, each checked against the network on real images.

    model.keras
    model.tflite         float32; its predictions must equal the network's up to rounding
    model.int8.tflite    8-bit weights and, at run time, activations; kept only if it classifies as well

The check is needed: a conversion that loses the weights gives a small file that runs fast and
predicts nonsense.
"""

import contextlib
import io
import logging
import math
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from traffic_signs.errors import ExportError
from traffic_signs.model import artifact
from traffic_signs.model.litert import Engine

_log = logging.getLogger(__name__)
_TOLERANCE = 1e-4
"""Largest difference of a probability that rounding in two libraries' float32 kernels explains."""
_MIN_SAME_CLASS, _MAX_ACCURACY_LOSS = 0.998, 0.0005
"""For int8: the smallest share of images with an unchanged class, the largest loss of accuracy."""


@dataclass(frozen=True)
class Agreement:
    """How well the predictions of an exported network agree with the trained one's."""

    difference: float
    """Largest difference of two probabilities; NaN or infinite if a prediction is."""
    classes: float
    """Share of the images that both assign to the same class."""
    accuracy_change: float
    """Accuracy of the exported network minus that of the trained one."""

    @property
    def is_exact(self) -> bool:
        """Whether the two are the same network, up to rounding in float32."""
        return self.difference <= _TOLERANCE  # false for NaN

    @property
    def is_close(self) -> bool:
        """Whether the exported network can replace the trained one."""
        return (
            math.isfinite(self.difference)
            and self.classes >= _MIN_SAME_CLASS
            and self.accuracy_change >= -_MAX_ACCURACY_LOSS
        )

    def __str__(self) -> str:
        return (
            f"probabilities differ by at most {self.difference:.1g}, {self.classes:.2%} of the classes are the same,"
            f" accuracy changes by {100 * self.accuracy_change:+.3f} points"
        )


def export(
    model: keras.Model, images: np.ndarray, expected: np.ndarray, labels: np.ndarray, directory: Path
) -> dict[str, dict[str, float]]:
    """Write model.keras, model.tflite and, if it is close enough, model.int8.tflite into *directory*.

    Args:
        model: maps uint8 [N, 32, 32, 1] to probabilities [N, C].
        images: uint8 [N, 32, 32, 1], input of the comparison.
        expected: float32 [N, C], predictions of *model* for *images*.
        labels: int [N], true classes of *images*.
        directory: an existing folder.

    Returns:
        Agreement of each network for LiteRT by its file name, as in `artifact.Artifact`.

    Raises:
        ExportError: the predictions of the float32 network differ from those of *model*.
    """
    model.save(directory / artifact.KERAS)
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        # through a SavedModel, which freezes the weights; what it prints would clutter the job's log
        model.export(scratch, verbose=False)
        for name, optimizations in ((artifact.LITERT, []), (artifact.INT8, [tf.lite.Optimize.DEFAULT])):
            converter = tf.lite.TFLiteConverter.from_saved_model(scratch)
            converter.optimizations = optimizations
            (directory / name).write_bytes(converter.convert())
    agreements = {
        name: compare(expected, Engine(directory / name).run(images), labels)
        for name in (artifact.LITERT, artifact.INT8)
    }
    for name, agreement in agreements.items():
        _log.info("%s compared with the trained model on %d images: %s", name, len(images), agreement)
    if not agreements[artifact.LITERT].is_exact:
        raise ExportError(
            f"the predictions of the exported model differ from those of the trained one: {agreements[artifact.LITERT]}"
        )
    if not agreements[artifact.INT8].is_close:
        _log.info(
            "%s is not exported: at least %.1f %% of the classes must be the same, accuracy at most %.2f points lower",
            artifact.INT8,
            100 * _MIN_SAME_CLASS,
            100 * _MAX_ACCURACY_LOSS,
        )
        (directory / artifact.INT8).unlink()
        del agreements[artifact.INT8]
    return {name: asdict(agreement) for name, agreement in agreements.items()}


def compare(expected: np.ndarray, actual: np.ndarray, labels: np.ndarray) -> Agreement:
    """Compare two arrays of probabilities, float32 [N, C] each, for images of the classes *labels*, int [N]."""
    expected_classes, actual_classes = expected.argmax(1), actual.argmax(1)
    return Agreement(
        difference=float(np.abs(expected - actual).max()),
        classes=float(np.mean(expected_classes == actual_classes)),
        accuracy_change=float(np.mean(actual_classes == labels) - np.mean(expected_classes == labels)),
    )
