"""Scheduling of predictions: small requests in batches on the event loop, all others in a thread pool with a queue.

small   all of one iteration of the loop -> one run of the network, by the loop itself, of a few milliseconds
other   FIFO queue, whose wait is at most half of the client's timeout -> threads
"""

import asyncio
import logging
import threading
import time
import timeit
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

from traffic_signs.errors import DisconnectedError, OverloadError
from traffic_signs.images import preprocessing
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.serving.telemetry.request_record import Record

_log = logging.getLogger(__name__)
SMALL_BYTES = 8 * 1024
"""Largest body or message that the event loop decodes itself."""
SMALL_BUDGET_FACTOR = 1 / 2000
"""Share of a request's decode budget that the event loop may spend: 64,000 pixels, about a millisecond."""
MAX_RUN_SECONDS = 0.005
"""Longest run of the network on the event loop, which blocks everything else; the rest waits for the next iteration."""
Result = TypeVar("Result")


class EventLoopBatcher:
    """Predicts on the event loop; requests of one iteration share one run, and none waits for others to arrive."""

    def __init__(self, run: Callable[[np.ndarray], np.ndarray], max_images: int) -> None:
        """Take *run*, which maps at most *max_images* images uint8 [N, 32, 32, 1] to rows float32 [N, C]; time it."""
        self._run, self._max_images = run, max_images
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pending: deque[tuple[np.ndarray, asyncio.Future[np.ndarray]]] = deque()
        pixels = np.zeros((1, *preprocessing.SHAPE), np.uint8)
        # the fastest run: the first one allocates memory, and any may be interrupted while all workers start
        self.seconds_per_image = min(timeit.repeat(lambda: run(pixels), number=1, repeat=5))
        """Moving average of the time an image takes."""

    def run(self, pixels: np.ndarray) -> np.ndarray:
        """Return the rows of *pixels* at once; for a request that is alone."""
        started = time.perf_counter()
        rows = self._run(pixels)
        self.seconds_per_image += 0.05 * ((time.perf_counter() - started) / len(pixels) - self.seconds_per_image)
        return rows

    def submit(self, pixels: np.ndarray) -> "asyncio.Future[np.ndarray]":
        """Return a future for the rows of *pixels*, which the next iteration of the loop computes."""
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
        except Exception as error:  # noqa: BLE001 - every waiting request must get an answer
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
    """A thread pool with a bounded queue."""

    def __init__(self, threads: int, length: int, seconds: float, metrics: Metrics) -> None:
        """Take the limits; threads start when they are needed.

        Args:
            threads: most requests that run at a time.
            length: most requests in the queue.
            seconds: longest time that a request may have to wait.
            metrics: counts refusals and the length of the queue.
        """
        self._executor = ThreadPoolExecutor(threads, "predicting")
        self._thread_count, self._max_queued, self.max_wait_seconds, self._metrics = threads, length, seconds, metrics
        self._lock = threading.Lock()
        self.queued = self._refused = 0
        self._mean_seconds = 0.02

    def check_capacity(self, extra: int = 0) -> None:
        """Raise OverloadError if a new request, with *extra* others besides the queue, would have to wait too long."""
        ahead = self.queued + extra
        if ahead >= self._max_queued or ahead * self._mean_seconds / self._thread_count > self.max_wait_seconds:
            self._refused += 1
            self._metrics.count_refusal()
            raise OverloadError

    async def run(self, work: Callable[[], Result], record: Record, *, admitted: bool = False) -> Result:
        """Run *work* in a thread and return its result; an *admitted* request continues, so the queue does not matter.

        Raises:
            OverloadError: the queue is full.
            DisconnectedError: the client has left, as `record` says.
        """
        if record.client_left:
            raise DisconnectedError("the client has left")
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

        def uncount(future: "Future[Result]") -> None:
            if future.cancelled():
                self._add_queued(-1)

        future = self._executor.submit(timed)
        future.add_done_callback(uncount)
        record.future = work_done = asyncio.wrap_future(future)
        try:
            return await work_done
        except asyncio.CancelledError:
            if record.client_left:
                raise DisconnectedError("the client has left") from None
            raise

    def _add_queued(self, change: int) -> None:
        with self._lock:
            self.queued += change
            self._metrics.set_queue_length(self.queued)

    def log_refusals(self) -> None:
        """Log the number of requests refused since the last call; one line each would delay the other requests."""
        if self._refused:
            _log.error("too many requests are queued", extra={"fields": {"status": 503, "refused": self._refused}})
            self._refused = 0
