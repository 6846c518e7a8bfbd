"""A fitted network -> the files that serve it, checked against the network on real images.

The check is not a formality: a conversion that leaves the weights out gives a small file that
runs, quickly, and answers nonsense.
"""

import contextlib
import io
import tempfile
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from traffic_signs import artifact
from traffic_signs.errors import ExportError
from traffic_signs.litert import Engine

_TOLERANCE = 1e-4
"""Largest difference of a probability that float32 kernels of two libraries may show."""


def export(model: keras.Model, images: np.ndarray, expected: np.ndarray, directory: Path) -> float:
    """Write model.keras and model.tflite into *directory*.

    Args:
        model: takes uint8 [N, 32, 32, 1], gives probabilities [N, C].
        images: uint8 [N, 32, 32, 1], what the exported network is asked.
        expected: float32 [N, C], what *model* answers to them.
        directory: must exist.

    Returns:
        The largest difference between two probabilities of the two.

    Raises:
        ExportError: they differ by more than 1e-4, or one answers with something not finite.
    """
    model.save(directory / artifact.KERAS)
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        # by way of a SavedModel, which freezes the weights; its prints are not for the job's log
        model.export(scratch, verbose=False)
        content = tf.lite.TFLiteConverter.from_saved_model(scratch).convert()
    (directory / artifact.LITERT).write_bytes(content)
    return compare(expected, Engine(directory / artifact.LITERT).run(images))


def compare(expected: np.ndarray, found: np.ndarray) -> float:
    """Return the largest difference of two arrays of probabilities, [N, C] each.

    Raises:
        ExportError: it is above 1e-4, or something in *found* is not finite.
    """
    if not np.isfinite(found).all():
        raise ExportError("the exported model answers with values that are not finite")
    difference = float(np.abs(expected - found).max())
    if difference > _TOLERANCE:
        raise ExportError(
            f"the exported model does not answer like the trained one: probabilities differ by {difference:.2g},"
            f" at most {_TOLERANCE:.0e} is allowed; classes agree on"
            f" {np.mean(expected.argmax(1) == found.argmax(1)):.1%} of {len(expected)} images"
        )
    return difference
