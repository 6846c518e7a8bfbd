"""Metrics of all workers, counted in shared memory.

    each worker counts in its own row -> memory shared by all -> prometheus.py adds up the rows

The memory is allocated before the workers are forked and is not a file, so nothing is left behind and the root file
system may be read-only. A worker that replaces another continues its row, so counters never decrease; only the process
id and the queue length, which describe a living worker, are reset.

prometheus_client's files for several processes take six times as long to count a request (`make bench-counting`), and
stay behind when a worker dies. The library renders the page, and is imported at the first request for it.
"""

import mmap
import os
import threading
from bisect import bisect_left
from functools import lru_cache

import numpy as np

from traffic_signs.serving.telemetry.request_record import STAGES, Record

INVOCATIONS, OTHER = "invocations", "other"
ROUTES = (INVOCATIONS, "models", "ping", "metrics", OTHER)
STATUSES = (101, 200, 400, 404, 405, 406, 408, 409, 413, 415, 499, 500, 501, 503, 507, 0)
"""0 stands for all other statuses, so that no request can create a new series."""
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_IMAGES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
HISTOGRAMS: dict[str, tuple[str, tuple[float, ...]]] = {
    "request_seconds": ("From a request's arrival until its answer is sent", _SECONDS),
    "engine_seconds": ("A run of the network with one batch", _SECONDS),
    "batch_images": ("Images of a batch", _IMAGES),
    "event_loop_lag_seconds": ("How late the event loop is, ten times a second", _SECONDS),
}
"""Name -> help text, upper bounds of the buckets."""
COUNTERS = {
    "queue_refused": "Requests refused with 503 because too many were queued",
    "model_loads": "Models loaded",
    "model_load_seconds": "Time that loading them took",
}
"""Counters: name -> help text."""
ROW = np.dtype(
    [
        ("process", "f8"),
        ("queue", "f8"),
        ("requests", "f8", len(ROUTES) * len(STATUSES)),
        ("stages", "f8", len(STAGES)),
        *((name, "f8") for name in COUNTERS),
        *((name, "f8", len(bounds) + 2) for name, (_, bounds) in HISTOGRAMS.items()),  # + above the last bound, + sum
    ]
)
"""Doubles, because they are written atomically: a reader gets the old number or the new one."""
REQUEST_INDEX = {
    (route, status): len(STATUSES) * i + j for i, route in enumerate(ROUTES) for j, status in enumerate(STATUSES)
}
"""Index in `requests` of a route and a status."""


class Metrics:
    """The metrics of a server; created once, before its workers."""

    def __init__(self, rows: int = 1) -> None:
        """Allocate *rows*, the most processes at a time."""
        self.rows = np.frombuffer(mmap.mmap(-1, rows * ROW.itemsize), ROW)
        self._lock = threading.Lock()
        self.attach(0)

    def attach(self, row: int) -> None:
        """Count in *row* from now on; called in a worker after the fork."""
        own = self.rows[row : row + 1]
        # plain views of the memory, each in an attribute, because every request pays for the access
        self._fields = {name: own[name].reshape(-1).view(np.uint8).data.cast("d") for name in ROW.names or ()}
        self._requests, self._stages = self._fields["requests"], self._fields["stages"]
        self._request_seconds, self._engine_seconds = self._fields["request_seconds"], self._fields["engine_seconds"]
        self._batch_images, self._lag = self._fields["batch_images"], self._fields["event_loop_lag_seconds"]
        self._fields["process"][0] = os.getpid()
        self._fields["queue"][0] = 0

    def detach(self, row: int) -> None:
        """Remove the ended worker of *row*, and keep what it has counted."""
        self.rows[row]["process"] = self.rows[row]["queue"] = 0

    def count_response(self, path: str, status: int, record: Record | None = None, now: float = 0.0) -> None:
        """Count a response.

        Args:
            path: of the request.
            status: of the response.
            record: of the request, if the application has one.
            now: when the response was sent, in seconds of the monotonic clock.
        """
        route, index = _locate(path, status)
        self._requests[index] += 1  # without a lock: only the event loop counts responses
        if record and route == INVOCATIONS:
            _observe(self._request_seconds, _SECONDS, now - record.arrived)
            stages = self._stages
            for number, seconds in enumerate(record.seconds.values()):
                stages[number] += seconds

    def count_refusal(self) -> None:
        """Count a request that was refused because the queue was full."""
        self._add("queue_refused", 1)

    def set_queue_length(self, length: int) -> None:
        """Set the number of requests in this worker's queue."""
        self._fields["queue"][0] = length

    def observe_batch(self, images: int, seconds: float) -> None:
        """Observe a run of the network on *images* images."""
        with self._lock:
            _observe(self._batch_images, _IMAGES, images)
            _observe(self._engine_seconds, _SECONDS, seconds)

    def observe_lag(self, seconds: float) -> None:
        """Observe how late the event loop was."""
        _observe(self._lag, _SECONDS, seconds)

    def count_load(self, seconds: float) -> None:
        """Count the load of a model."""
        self._add("model_loads", 1)
        self._add("model_load_seconds", seconds)

    def _add(self, name: str, amount: float) -> None:
        with self._lock:
            self._fields[name][0] += amount


def _observe(numbers: "memoryview[float]", bounds: tuple[float, ...], value: float) -> None:
    numbers[bisect_left(bounds, value)] += 1
    numbers[-1] += value


@lru_cache(maxsize=64)
def _locate(path: str, status: int) -> tuple[str, int]:
    """Return the route of *path*, and the index in `requests` for it and *status*."""
    route = path.strip("/")
    if route.startswith("models/"):
        route = INVOCATIONS if route.endswith("/invoke") else "models"
    if route not in ROUTES:
        route = OTHER
    return route, REQUEST_INDEX.get((route, status), REQUEST_INDEX[route, 0])
