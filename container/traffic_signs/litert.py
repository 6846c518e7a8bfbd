"""The engine that serves on a CPU: LiteRT, small and loaded at once where TensorFlow takes seconds."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from traffic_signs.turns import FairLock

BATCH = 64
"""Images run at once: larger batches cost memory and, on a CPU, gain nothing."""


class Engine:
    """A loaded network. Threads may share it; they take turns, a small request between the batches of a large one."""

    batch = BATCH

    def __init__(self, path: Path) -> None:
        """Load the network at *path*; one thread, because workers already use every core.

        Raises:
            ValueError: the file is no LiteRT network.
        """
        self._interpreter = Interpreter(str(path), num_threads=1)
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._output = self._interpreter.get_output_details()[0]["index"]
        self._shape: tuple[int, ...] = ()
        self._lock = FairLock()
        self.observe: Callable[[int, float], None] = lambda _images, _seconds: None
        """Called after each run with its images and seconds."""

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one image."""
        return tuple(self._interpreter.get_input_details()[0]["shape_signature"][1:].tolist())

    def run(self, images: np.ndarray) -> np.ndarray:
        """Return the probabilities float32 [N, C] of the images uint8 [N, 32, 32, 1], N >= 1."""
        if len(images) <= BATCH:
            return self._run(images)
        return np.concatenate([self._run(images[start : start + BATCH]) for start in range(0, len(images), BATCH)])

    def _run(self, images: np.ndarray) -> np.ndarray:
        with self._lock:
            if images.shape != self._shape:
                self._interpreter.resize_tensor_input(self._input, images.shape)
                self._interpreter.allocate_tensors()
                self._shape = images.shape
            started = time.monotonic()
            self._interpreter.set_tensor(self._input, images)
            self._interpreter.invoke()
            output: np.ndarray = self._interpreter.get_tensor(self._output)
            seconds = time.monotonic() - started
        self.observe(len(images), seconds)
        return output
