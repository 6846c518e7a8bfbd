"""The transport of a connection's responses: their heads leave together with the first bytes of their bodies.

uvicorn writes both by themselves, and uvloop sends what is written at once: two system calls, the dearest part of a
small response, and a client that wakes up twice.
"""

import asyncio
from collections.abc import Callable

_SMALL_BYTES = 64 * 1024
"""That are copied faster than a list of them is sent."""
_CONTINUE = b"HTTP/1.1 100 "


class ResponseTransport:
    """What a response of uvicorn is given in place of its transport; serves all responses of a connection in turn."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        """Take the transport, and what closes it behind a response."""
        self._transport, self._close, self._head, self._begun = transport, close, b"", False
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Keep a head, and send everything else, behind the head if there is one."""
        if not self._begun and not data.startswith(_CONTINUE):
            self._begun, self._head = True, data
        elif self._head:
            head, self._head = self._head, b""
            if len(data) < _SMALL_BYTES:
                self._transport.write(head + data)
            else:
                self._transport.writelines((head, data))
        else:
            self._transport.write(data)

    def end(self) -> None:
        """Send the head of a response without a body; the next write is another response's."""
        if self._head:
            self._transport.write(self._head)
        self._begun, self._head = False, b""

    def close(self) -> None:
        """Close the connection behind what has been written."""
        self.end()
        self._close()
