"""A fitted network -> the files that serve it, checked against the network on real images.

The check is not a formality: a conversion that leaves the weights out gives a small file that
runs, quickly, and answers nonsense.
"""

import contextlib
import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from traffic_signs import artifact
from traffic_signs.errors import ExportError
from traffic_signs.litert import Engine

_TOLERANCE = 1e-4
"""Largest difference of a probability that float32 kernels of two libraries may show."""


@dataclass(frozen=True)
class Agreement:
    """How an exported network answers, beside the trained one."""

    difference: float
    """The largest of two probabilities."""
    classes: float
    """Share of the images that both put into the same class."""


def export(model: keras.Model, images: np.ndarray, expected: np.ndarray, directory: Path) -> Agreement:
    """Write model.keras and model.tflite into *directory*.

    Args:
        model: takes uint8 [N, 32, 32, 1], gives probabilities [N, C].
        images: uint8 [N, 32, 32, 1], what the exported network is asked.
        expected: float32 [N, C], what *model* answers to them.
        directory: must exist.

    Raises:
        ExportError: as `compare` does.
    """
    model.save(directory / artifact.KERAS)
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        # by way of a SavedModel, which freezes the weights; its prints are not for the job's log
        model.export(scratch, verbose=False)
        content = tf.lite.TFLiteConverter.from_saved_model(scratch).convert()
    (directory / artifact.LITERT).write_bytes(content)
    return compare(expected, Engine(directory / artifact.LITERT).run(images))


def compare(expected: np.ndarray, found: np.ndarray) -> Agreement:
    """Hold two arrays of probabilities against each other, [N, C] each.

    Raises:
        ExportError: two differ by more than 1e-4, or something in *found* is not finite.
    """
    if not np.isfinite(found).all():
        raise ExportError("the exported model answers with values that are not finite")
    agreement = Agreement(
        difference=float(np.abs(expected - found).max()),
        classes=float(np.mean(expected.argmax(1) == found.argmax(1))),
    )
    if agreement.difference > _TOLERANCE:
        raise ExportError(
            "the exported model does not answer like the trained one: probabilities differ by"
            f" {agreement.difference:.2g}, at most {_TOLERANCE:.0e} is allowed; classes agree on"
            f" {agreement.classes:.1%} of {len(expected)} images"
        )
    return agreement
