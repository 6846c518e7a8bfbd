"""Batcher of requests from several threads for one device, without a delay.

The thread that gets the device runs its own images together with those of all waiting threads. So a batch grows with
the load, and a lone request never waits for others.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import numpy as np

from traffic_signs.fair_lock import FairLock


class Batcher:
    """Batches the images that threads submit at the same time."""

    def __init__(self, network: Callable[[np.ndarray], np.ndarray], limit: int) -> None:
        """Take a *network* that returns a row for each image, and the most images in one run."""
        self._network = network
        self._limit = limit
        self._pending: deque[tuple[np.ndarray, Future[np.ndarray]]] = deque()
        self._device = FairLock()

    def run(self, images: np.ndarray) -> np.ndarray:
        """Return the network's rows for *images*, which are no more than the limit.

        Every thread whose images are in a batch raises an error of the network.
        """
        own: Future[np.ndarray] = Future()
        self._pending.append((images, own))
        with self._device:
            while not own.done():  # often another thread has run them
                self._run_batch()
        return own.result()

    def _run_batch(self) -> None:
        """Run the images that have waited longest; only the holder of the device takes from the queue."""
        batch = [self._pending.popleft()]
        size = len(batch[0][0])
        while self._pending and size + len(self._pending[0][0]) <= self._limit:
            batch.append(self._pending.popleft())
            size += len(batch[-1][0])
        try:
            rows = self._network(np.concatenate([images for images, _ in batch]))
        except Exception as error:  # noqa: BLE001 - every waiting thread must get a result
            for _, future in batch:
                future.set_exception(error)
            return
        start = 0
        for images, future in batch:
            future.set_result(rows[start : start + len(images)])
            start += len(images)
