"""TensorFlow engine for GPUs, which batches waiting requests.

It is the only module of the serving program that imports TensorFlow, and is imported only if this engine is chosen.
"""

import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from traffic_signs.serving.engine.batching import Batcher

_BATCH = 256
"""Most images in one run."""


class Engine:
    """A loaded network, shared by threads."""

    batch = _BATCH

    def __init__(self, path: Path) -> None:
        """Load the Keras model at *path*.

        Raises:
            ValueError: the file is not a Keras model.
        """
        for gpu in tf.config.list_physical_devices("GPU"):
            tf.config.experimental.set_memory_growth(gpu, True)  # leaves memory for other processes
        model = keras.models.load_model(path, compile=False)
        self.input_shape: tuple[int, ...] = model.input_shape[1:]
        signature = tf.TensorSpec([None, *self.input_shape], tf.uint8)
        # traced once for all batch sizes: model.predict takes a hundred times as long for one image
        network = tf.function(lambda images: model(images, training=False), input_signature=[signature])
        self._network = network.get_concrete_function()
        self._batcher = Batcher(self._run, _BATCH)
        self.observe: Callable[[int, float], None] = lambda _images, _seconds: None
        """Called after each run with its number of images and its seconds."""

    def run(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities float32 [N, C] of the images uint8 [N, 32, 32, 1], N >= 1."""
        parts = [self._batcher.run(images[start : start + _BATCH]) for start in range(0, len(images), _BATCH)]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _run(self, images: np.ndarray) -> np.ndarray:
        started = time.monotonic()
        rows: np.ndarray = self._network(tf.constant(images)).numpy()
        self.observe(len(images), time.monotonic() - started)
        return rows
