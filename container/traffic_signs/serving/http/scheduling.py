"""Who computes when: small requests joined on the event loop, all others in a bounded pool of threads.

small   asked in one turn of the loop -> one run of the network, by the loop itself, of a few milliseconds
other   queue, first come first served, as long as half of the client's patience -> threads
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from traffic_signs.errors import LeftError, OverloadError
from traffic_signs.images import preprocessing
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.serving.telemetry.request_record import Record

_log = logging.getLogger(__name__)
SMALL_BYTES = 8 * 1024
"""Of a body or message that the event loop reads itself."""
SMALL_BUDGET_FACTOR = 1 / 2000
"""Of what a request's images may take, what they may take of the event loop: 64,000 pixels, a millisecond."""
MAX_RUN_SECONDS = 0.005
"""How long the network may run at a time: everybody else waits meanwhile, and the rest has the next turn."""
Result = TypeVar("Result")


class EventLoopBatcher:
    """Answers on the event loop; what is asked in one turn of it is joined into one run, nobody waits for company."""

    def __init__(self, run: Callable[[np.ndarray], np.ndarray], max_images: int) -> None:
        """Take what answers images uint8 [N, 32, 32, 1], at most so many at once, with rows float32 [N, C]."""
        self._run, self._max_images = run, max_images
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending: deque[tuple[np.ndarray, asyncio.Future[np.ndarray]]] = deque()
        pixels = np.zeros((1, *preprocessing.SHAPE), np.uint8)
        run(pixels)  # the first time it takes memory
        started = time.perf_counter()
        run(pixels)
        self.seconds_per_image = time.perf_counter() - started
        """What an image takes, in the mean."""

    def run(self, pixels: np.ndarray) -> np.ndarray:
        """Return the rows of *pixels* at once: for a request beside which there is no other."""
        started = time.perf_counter()
        rows = self._run(pixels)
        self.seconds_per_image += 0.05 * ((time.perf_counter() - started) / len(pixels) - self.seconds_per_image)
        return rows

    def submit(self, pixels: np.ndarray) -> "asyncio.Future[np.ndarray]":
        """Return the future rows of *pixels*."""
        loop = self._loop = self._loop or asyncio.get_running_loop()
        future = loop.create_future()
        if not self._pending:
            loop.call_soon(self._run_batch)
        self._pending.append((pixels, future))
        return future

    def _run_batch(self) -> None:
        batch = [self._pending.popleft()]
        size = len(batch[0][0])
        max_images = min(self._max_images, MAX_RUN_SECONDS / self.seconds_per_image)
        while self._pending and size + len(self._pending[0][0]) <= max_images:
            batch.append(self._pending.popleft())
            size += len(batch[-1][0])
        if self._pending and self._loop:
            self._loop.call_soon(self._run_batch)
        try:
            rows = self.run(batch[0][0] if len(batch) == 1 else np.concatenate([pixels for pixels, _ in batch]))
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        start = 0
        for pixels, future in batch:
            if not future.done():  # its task was cancelled
                future.set_result(rows[start : start + len(pixels)])
            start += len(pixels)


class Pool:
    """Threads, and the queue in front of them."""

    def __init__(self, threads: int, length: int, seconds: float, metrics: Metrics) -> None:
        """Start nothing yet.

        Args:
            threads: how many work at once.
            length: how many requests may be queued.
            seconds: how long a request may have to wait.
            metrics: where the length of the queue and refusals are counted.
        """
        self._executor = ThreadPoolExecutor(threads, "predicting")
        self._thread_count, self._max_queued, self.max_wait_seconds, self._metrics = threads, length, seconds, metrics
        self._lock = threading.Lock()
        self.queued = self._refused = 0
        self._mean_seconds = 0.02

    def check_capacity(self, extra: int = 0) -> None:
        """Raise OverloadError if a request that comes now, behind *more* than are queued, has to wait for too long."""
        ahead = self.queued + extra
        if ahead >= self._max_queued or ahead * self._mean_seconds / self._thread_count > self.max_wait_seconds:
            self._refused += 1
            self._metrics.count_refusal()
            raise OverloadError

    async def run(self, work: Callable[[], Result], record: Record, *, admitted: bool = False) -> Result:
        """Return what *work* returns; of an *admitted* request that goes on, whatever the queue.

        Raises:
            OverloadError: there is no room in the queue.
            LeftError: the client has left, which `record` says.
        """
        if record.client_left:
            raise LeftError("the client has left")
        if not admitted:
            self.check_capacity()
        self._add_queued(1)

        def timed() -> Result:
            self._add_queued(-1)
            record.lap("queue")
            begun = time.monotonic()
            try:
                return work()
            finally:
                self._mean_seconds += 0.1 * (time.monotonic() - begun - self._mean_seconds)

        def forget(future: "Future[Result]") -> None:
            if future.cancelled():
                self._add_queued(-1)

        future = self._executor.submit(timed)
        future.add_done_callback(forget)
        record.future = work_done = asyncio.wrap_future(future)
        try:
            return await work_done
        except asyncio.CancelledError:
            if record.client_left:
                raise LeftError("the client has left") from None
            raise

    def _add_queued(self, change: int) -> None:
        with self._lock:
            self.queued += change
            self._metrics.set_queue_length(self.queued)

    def log_refusals(self) -> None:
        """Log how many requests were refused since the last time: a line for each would take the others' time."""
        if self._refused:
            _log.error("too many requests are queued", extra={"fields": {"status": 503, "refused": self._refused}})
            self._refused = 0
