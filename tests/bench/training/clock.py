"""Seconds and weights after each epoch of a training, on disk, so that a run outlives a stop.

lap -> epoch-001.npz -> resume
"""

import time
from pathlib import Path

import numpy as np


class Clock:
    """Wall and CPU seconds since its creation, and the weights, at the end of each epoch."""

    def __init__(self, folder: Path) -> None:
        """Start; *folder* keeps the laps."""
        self.folder = folder
        self.laps: list[tuple[float, float, list[np.ndarray]]] = []
        self._wall, self._cpu = time.monotonic(), time.process_time()

    def resume(self, finished: int) -> None:
        """Read the first *finished* epochs of an earlier process, and add its seconds."""
        self.laps = [_read(self._path(number)) for number in range(1, finished + 1)]
        if self.laps:
            self._wall -= self.laps[-1][0]
            self._cpu -= self.laps[-1][1]

    def lap(self, weights: list[np.ndarray]) -> None:
        """Record the end of an epoch."""
        wall, cpu = time.monotonic() - self._wall, time.process_time() - self._cpu
        self.laps.append((wall, cpu, weights))
        np.savez(self._path(len(self.laps)), np.array([wall, cpu]), *weights, allow_pickle=False)

    def _path(self, number: int) -> Path:
        return self.folder / f"epoch-{number:03d}.npz"


def _read(path: Path) -> tuple[float, float, list[np.ndarray]]:
    with np.load(path, allow_pickle=False) as archive:
        (wall, cpu), *weights = (archive[name] for name in archive.files)
    return float(wall), float(cpu), weights
