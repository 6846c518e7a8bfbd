"""What is known of the request that a thread is answering.

    worker, with the seconds in line -> begin() -> application: current(), a lap for each stage, sizes, the reason
                                                -> gunicorn's hook post_request -> metrics, a line of the log

One thread answers a request from its first byte to its last, so the record is the thread's.
"""

import threading
from time import monotonic

STAGES = ("queue", "read", "decode", "engine", "encode")


class Record:
    """A request; whoever works on it notes what it finds."""

    __slots__ = ("_last", "arrived", "bytes_in", "error", "headers", "images", "reason", "seconds")

    def __init__(self, waited: float) -> None:
        """Begin to answer a request that has waited in line for *waited* seconds."""
        self._last = monotonic()
        self.arrived = self._last - waited
        self.seconds = {"queue": waited, "read": 0.0, "decode": 0.0, "engine": 0.0, "encode": 0.0}
        """What each stage took; that of the engine with the wait for its turn."""
        self.bytes_in = 0
        """Of the body, unpacked."""
        self.images = 0
        self.headers: list[tuple[str, str]] = []
        """What the answer says of the model, also when it is an error."""
        self.reason = ""
        """Why the request is refused."""
        self.error: Exception | None = None
        """What the log shall have a traceback of."""

    def lap(self, stage: str) -> None:
        """Count the time since the last lap for *stage*; it may come several times, as in a stream."""
        now = monotonic()
        self.seconds[stage] += now - self._last
        self._last = now


class _Thread(threading.local):
    record: Record | None = None


_thread = _Thread()


def begin(waited: float = 0.0) -> Record:
    """Begin a record in this thread."""
    _thread.record = record = Record(waited)
    return record


def current() -> Record:
    """Return this thread's record."""
    return _thread.record or begin()
