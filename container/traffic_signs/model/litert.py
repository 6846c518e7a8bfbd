"""LiteRT inference engine for CPUs: small, and loaded immediately where TensorFlow takes seconds."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from traffic_signs.fair_lock import FairLock

BATCH = 32
"""Largest number of images per run. 64 would take at most 3 % less time for each, and almost twice the memory."""


class Engine:
    """A loaded network, safe to share between threads: a small request runs between the batches of a large one.

    Single images have an interpreter of their own, so the most frequent request never waits for a resize. All other
    batch sizes share one: a resize takes 5 us, no more than a batch loses when it is split into runs of fixed
    sizes, and an interpreter for each size would multiply the memory. Both map the same file.
    """

    batch = BATCH

    def __init__(self, path: Path) -> None:
        """Load the network at *path*.

        Raises:
            ValueError: the file is not a LiteRT network.
        """
        self._single_image, self._batches = _Network(path), _Network(path)
        self._lock = FairLock()
        self.observe: Callable[[int, float], None] = lambda _images, _seconds: None
        """Callback after each run, with its number of images and seconds."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return self._single_image.input_shape

    def run(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities float32 [N, C] of the images uint8 [N, 32, 32, 1], N >= 1."""
        if len(images) <= BATCH:
            return self._run(images)
        return np.concatenate([self._run(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])

    def _run(self, images: np.ndarray) -> np.ndarray:
        network = self._single_image if len(images) == 1 else self._batches
        with self._lock:
            started = time.monotonic()
            output = network.run(images)
            seconds = time.monotonic() - started
        self.observe(len(images), seconds)
        return output


class _Network:
    """A LiteRT interpreter, resized when the number of images changes."""

    def __init__(self, path: Path) -> None:
        """Load the network with one thread, because the workers already use every core."""
        self._interpreter = Interpreter(str(path), num_threads=1)
        (pixels,), (probabilities,) = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self.input_shape: tuple[int, ...] = tuple(pixels["shape_signature"][1:].tolist())
        self._input, self._output = pixels["index"], probabilities["index"]
        self._shape: tuple[int, ...] = ()

    def run(self, images: np.ndarray) -> np.ndarray:
        """Return a copy of the probabilities; call it from one thread at a time."""
        if images.shape != self._shape:
            self._interpreter.resize_tensor_input(self._input, images.shape)
            self._interpreter.allocate_tensors()
            self._shape = images.shape
        self._interpreter.set_tensor(self._input, images)
        self._interpreter.invoke()
        output: np.ndarray = self._interpreter.get_tensor(self._output)
        return output
