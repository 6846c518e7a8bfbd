"""A fitted network -> the files that serve it, each checked against the network on real images.

    model.keras
    model.tflite         float32; it must answer as the network does
    model.int8.tflite    8-bit weights and, at run time, activations; kept only if it classifies as well

The check is not a formality: a conversion that leaves the weights out gives a small file that
runs, quickly, and answers nonsense.
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
"""Largest difference of a probability that float32 kernels of two libraries may show."""
_SAME_CLASS, _LOSS = 0.998, 0.0005
"""Of int8: the least share of images with an unchanged class, the most accuracy that it may cost."""


@dataclass(frozen=True)
class Agreement:
    """How an exported network answers, beside the trained one."""

    difference: float
    """The largest of two probabilities; NaN or infinite if it answers with such."""
    classes: float
    """Share of the images that both put into the same class."""
    accuracy_change: float
    """Share of right answers, less that of the trained one."""

    @property
    def is_exact(self) -> bool:
        """The two are the same network, up to rounding in float32."""
        return self.difference <= _TOLERANCE  # false for NaN

    @property
    def is_close(self) -> bool:
        """The exported network may stand in for the trained one."""
        return math.isfinite(self.difference) and self.classes >= _SAME_CLASS and self.accuracy_change >= -_LOSS

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
        model: takes uint8 [N, 32, 32, 1], gives probabilities [N, C].
        images: uint8 [N, 32, 32, 1], what the exported networks are asked.
        expected: float32 [N, C], what *model* answers to them.
        labels: integers [N], the right classes.
        directory: must exist.

    Returns:
        How each network for LiteRT answers, by the name of its file, as `artifact.Artifact` has it.

    Raises:
        ExportError: the float32 network does not answer like *model*.
    """
    model.save(directory / artifact.KERAS)
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        # by way of a SavedModel, which freezes the weights; its prints are not for the job's log
        model.export(scratch, verbose=False)
        for name, optimizations in ((artifact.LITERT, []), (artifact.INT8, [tf.lite.Optimize.DEFAULT])):
            converter = tf.lite.TFLiteConverter.from_saved_model(scratch)
            converter.optimizations = optimizations
            (directory / name).write_bytes(converter.convert())
    found = {
        name: compare(expected, Engine(directory / name).run(images), labels)
        for name in (artifact.LITERT, artifact.INT8)
    }
    for name, agreement in found.items():
        _log.info("%s on %d images, beside the trained model: %s", name, len(images), agreement)
    if not found[artifact.LITERT].is_exact:
        raise ExportError(f"the exported model does not answer like the trained one: {found[artifact.LITERT]}")
    if not found[artifact.INT8].is_close:
        _log.info(
            "%s is left out: at least %.1f %% of the classes must be the same, accuracy at most %.2f points lower",
            artifact.INT8,
            100 * _SAME_CLASS,
            100 * _LOSS,
        )
        (directory / artifact.INT8).unlink()
        del found[artifact.INT8]
    return {name: asdict(agreement) for name, agreement in found.items()}


def compare(expected: np.ndarray, found: np.ndarray, labels: np.ndarray) -> Agreement:
    """Measure how much two arrays of probabilities agree, [N, C] each, for images of the classes *labels*, [N]."""
    classes, others = expected.argmax(1), found.argmax(1)
    return Agreement(
        difference=float(np.abs(expected - found).max()),
        classes=float(np.mean(classes == others)),
        accuracy_change=float(np.mean(others == labels) - np.mean(classes == labels)),
    )
