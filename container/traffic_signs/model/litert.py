"""The engine that serves on a CPU: LiteRT, small and loaded at once where TensorFlow takes seconds."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from traffic_signs.fair_lock import FairLock

BATCH = 32
"""Images run at once, and in one turn. 64 would take at most 3 % less time for each, and almost twice the memory."""


class Engine:
    """A loaded network. Threads may share it; they take turns, a small request between the batches of a large one.

    A single image has an interpreter of its own, so the most frequent request never waits for a resize. All other
    numbers of images share one: a resize takes 5 us, no more than a batch loses when it is split into runs of fixed
    sizes, and an interpreter for each number would multiply the memory. Both map the same file.
    """

    batch = BATCH

    def __init__(self, path: Path) -> None:
        """Load the network at *path*.

        Raises:
            ValueError: the file is no LiteRT network.
        """
        self._single, self._several = _Network(path), _Network(path)
        self._lock = FairLock()
        self.observe: Callable[[int, float], None] = lambda _images, _seconds: None
        """Called after each run with its images and seconds."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return self._single.input_shape

    def run(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities float32 [N, C] of the images uint8 [N, 32, 32, 1], N >= 1."""
        if len(images) <= BATCH:
            return self._run(images)
        return np.concatenate([self._run(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])

    def _run(self, images: np.ndarray) -> np.ndarray:
        network = self._single if len(images) == 1 else self._several
        with self._lock:
            started = time.monotonic()
            output = network.run(images)
            seconds = time.monotonic() - started
        self.observe(len(images), seconds)
        return output


class _Network:
    """An interpreter, resized whenever the number of images is not that of its last run."""

    def __init__(self, path: Path) -> None:
        """Load; one thread, because workers already use every core."""
        self._interpreter = Interpreter(str(path), num_threads=1)
        (pixels,), (probabilities,) = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self.input_shape: tuple[int, ...] = tuple(pixels["shape_signature"][1:].tolist())
        self._input, self._output = pixels["index"], probabilities["index"]
        self._shape: tuple[int, ...] = ()

    def run(self, images: np.ndarray) -> np.ndarray:
        """Return a copy of what the network answers; one thread at a time."""
        if images.shape != self._shape:
            self._interpreter.resize_tensor_input(self._input, images.shape)
            self._interpreter.allocate_tensors()
            self._shape = images.shape
        self._interpreter.set_tensor(self._input, images)
        self._interpreter.invoke()
        output: np.ndarray = self._interpreter.get_tensor(self._output)
        return output
