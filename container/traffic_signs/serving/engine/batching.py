"""Requests of several threads that wait for one device -> batches, without a delay.

Whoever finds the device free runs, and with its own images those of everybody who has come
meanwhile. So a batch grows with the load, and a lone request never waits for company.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from traffic_signs.fair_lock import FairLock


class Batcher:
    """Joins what threads ask a network at the same time."""

    def __init__(self, network: Callable[[np.ndarray], np.ndarray], limit: int) -> None:
        """Take a *network* that gives a row for each image, and the number of images it gets at once."""
        self._network = network
        self._limit = limit
        self._pending: deque[tuple[np.ndarray, Future[np.ndarray]]] = deque()
        self._device = FairLock()

    def run(self, images: np.ndarray) -> np.ndarray:
        """Return the network's rows for *images*, at most as many as the limit.

        An error of the network is raised by every thread whose images were in the batch.
        """
        own: Future[np.ndarray] = Future()
        self._pending.append((images, own))
        with self._device:
            while not own.done():  # often somebody has taken them along
                self._run_batch()
        return own.result()

    def _run_batch(self) -> None:
        """Run those who have waited longest; only the holder of the device takes from the line."""
        batch = [self._pending.popleft()]
        size = len(batch[0][0])
        while self._pending and size + len(self._pending[0][0]) <= self._limit:
            batch.append(self._pending.popleft())
            size += len(batch[-1][0])
        try:
            rows = self._network(np.concatenate([images for images, _ in batch]))
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            for _, future in batch:
                future.set_exception(error)
            return
        start = 0
        for images, future in batch:
            future.set_result(rows[start : start + len(images)])
            start += len(images)
