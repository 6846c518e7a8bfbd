"""Record of a request while it is answered.

HTTP -> Record(): time of each stage, sizes, the reason of a refusal -> metrics and log line
"""

import asyncio
from time import monotonic
from typing import Any

STAGES = ("queue", "read", "decode", "engine", "encode")


class Record:
    """Sizes, times and outcome of a request, filled in by the code that handles it."""

    __slots__ = (
        *("_last", "arrived", "body_unread", "bytes_in", "bytes_out", "client_left", "error", "future", "headers"),
        *("holds_slot", "images", "reason", "seconds", "status"),
    )

    def __init__(self) -> None:
        """Start the clock; the head of the request has just been read."""
        self._last = self.arrived = monotonic()
        self.seconds = {"queue": 0.0, "read": 0.0, "decode": 0.0, "engine": 0.0, "encode": 0.0}
        """Seconds of each stage; that of the engine includes the wait for it."""
        self.bytes_in = 0
        """Of the request body, decompressed."""
        self.bytes_out = 0
        """Of the response body."""
        self.status = 0
        """Of the response."""
        self.images = 0
        self.headers: list[tuple[str, str]] = []
        """Headers that identify the model, of error responses too."""
        self.reason = ""
        """Why the request was refused."""
        self.error: Exception | None = None
        """The error whose traceback is logged."""
        self.body_unread = False
        """The body has not been read completely, so the connection closes after the response."""
        self.holds_slot = False
        """Its body holds one of the few slots for large bodies."""
        self.client_left = False
        """The client has closed the connection, so nobody reads the response."""
        self.future: asyncio.Future[Any] | None = None
        """The work of a thread for the request, to cancel if the client leaves."""

    def lap(self, stage: str) -> None:
        """Add the time since the last lap to *stage*; a stage may occur several times, as in a stream."""
        now = monotonic()
        self.seconds[stage] += now - self._last
        self._last = now
