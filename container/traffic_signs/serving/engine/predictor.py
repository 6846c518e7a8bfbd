"""Predictor: a model directory -> a loaded model that maps pixels to probabilities."""

import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from traffic_signs.errors import ArtifactError
from traffic_signs.images import preprocessing
from traffic_signs.model import artifact, instructions, litert
from traffic_signs.serving.engine import precision as precisions
from traffic_signs.serving.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from traffic_signs.serving.engine import tensorflow_engine

_log = logging.getLogger(__name__)


class Predictor:
    """A loaded and warmed-up model; built once per worker and shared by its threads."""

    def __init__(
        self, directory: Path, engine: str = "litert", metrics: Metrics | None = None, precision: str = "auto"
    ) -> None:
        """Load the model in *directory* and warm it up.

        Args:
            directory: a model directory, as `artifact` describes it.
            engine: "litert" or "tensorflow".
            metrics: counts this load and every later batch.
            precision: "float32", "int8" or "auto".

        Raises:
            ArtifactError: there is no model, its format or input shape differs, it fails, or int8 is missing.
            SettingsError: int8 is requested with TensorFlow.
        """
        started = time.monotonic()
        self.artifact = artifact.read(directory)
        chosen, reason = precisions.choose(precision, engine, self.artifact, vnni=instructions.has_vnni())
        self.identity = {
            "name": _printable(self.artifact.preset),
            "version": artifact.version(directory),
            "data": _printable(self.artifact.data_fingerprint),
            "precision": chosen,
        }
        """The preset, a short hash of the model, the fingerprint of its training data, "float32" or "int8"."""
        self.header = "X-Model-Info", "; ".join(f"{key}={value}" for key, value in self.identity.items())
        """The same as one response header, which tells variants apart; each header takes 5 us."""
        name = artifact.INT8 if chosen == "int8" else artifact.LITERT
        path = directory / (artifact.KERAS if engine == "tensorflow" else name)
        _log.info("%s: %s, because %s", path, chosen, reason)
        self._path = path
        try:
            self._engine = _load(path, engine)
        except ValueError as error:
            raise ArtifactError(f"{path} cannot be loaded: {error}") from error
        if not preprocessing.SHAPE == self.artifact.input_shape == self._engine.input_shape:
            raise ArtifactError(
                f"the model in {directory} takes images of {self.artifact.input_shape}, its network of"
                f" {self._engine.input_shape}; this image prepares {preprocessing.SHAPE}"
            )
        answer = self.predict(np.zeros((1, *preprocessing.SHAPE), np.uint8))
        if answer.shape != (1, len(self.artifact.labels)) or not np.isfinite(answer).all():
            raise ArtifactError(
                f"{path} returns {answer.shape[1]} numbers for {len(self.artifact.labels)} labels,"
                " or numbers that are not finite"
            )
        if metrics:
            metrics.count_load(time.monotonic() - started)
            self._engine.observe = metrics.observe_batch

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        """Return the probabilities float32 [N, C] of the images uint8 [N, 32, 32, 1]."""
        return self._engine.run(pixels)

    def create_litert_engine(self) -> litert.Engine:
        """Return another LiteRT engine of the model, which answers as `predict` does and never waits for it."""
        return litert.Engine(self._path)

    def close(self) -> None:
        """Free the network's memory now, even if references to this object remain; it cannot predict any more."""
        del self._engine

    def predict_by_batch(self, pixels: np.ndarray) -> Iterator[np.ndarray]:
        """Predict in parts of the engine's batch size, and yield each as soon as it is computed."""
        size = self._engine.batch
        return (self._engine.run(pixels[start : start + size]) for start in range(0, len(pixels), size))


def _load(path: Path, engine: str) -> "litert.Engine | tensorflow_engine.Engine":
    if engine == "litert":
        return litert.Engine(path)
    from traffic_signs.serving.engine import tensorflow_engine  # noqa: PLC0415 - takes seconds and 0.5 GB

    return tensorflow_engine.Engine(path)


def _printable(text: str) -> str:
    """Replace the characters that a header may not hold; shorten to 100 characters."""
    return re.sub("[^!-~]", "?", text)[:100]
