"""What is known of a request while it is answered.

HTTP -> Record(): a lap for each stage, sizes, the reason of a refusal -> metrics, a line of the log
"""

import asyncio
from time import monotonic
from typing import Any

STAGES = ("queue", "read", "decode", "engine", "encode")


class Record:
    """A request; whoever works on it notes what it finds."""

    __slots__ = (
        *("_last", "arrived", "body_unread", "bytes_in", "bytes_out", "client_left", "error", "future", "headers"),
        *("holds_slot", "images", "reason", "seconds", "status"),
    )

    def __init__(self) -> None:
        """Begin with a request whose head has just been read."""
        self._last = self.arrived = monotonic()
        self.seconds = {"queue": 0.0, "read": 0.0, "decode": 0.0, "engine": 0.0, "encode": 0.0}
        """What each stage took; that of the engine includes the wait for it."""
        self.bytes_in = 0
        """Of the body, decompressed."""
        self.bytes_out = 0
        """Of the response's body."""
        self.status = 0
        """Of the response."""
        self.images = 0
        self.headers: list[tuple[str, str]] = []
        """What the response says of the model, also when it is an error."""
        self.reason = ""
        """Why the request is refused."""
        self.error: Exception | None = None
        """What the log shall have a traceback of."""
        self.body_unread = False
        """The body has not been read whole: the connection ends with the response."""
        self.holds_slot = False
        """Its body is one of the few large ones that are held at a time."""
        self.client_left = False
        """The client has closed the connection: nobody will read the response."""
        self.future: asyncio.Future[Any] | None = None
        """What a thread does for the request, to be cancelled if the client leaves."""

    def lap(self, stage: str) -> None:
        """Count the time since the last lap for *stage*; it may come several times, as in a stream."""
        now = monotonic()
        self.seconds[stage] += now - self._last
        self._last = now
