"""Transport of a connection's responses that sends a head together with the first bytes of its body.

uvicorn writes the two separately, and uvloop sends each write at once. That is two system calls, the most expensive
part of a small response, and wakes the client twice.
"""

import asyncio
from collections.abc import Callable

_SMALL_BYTES = 64 * 1024
"""Bodies below this size are faster to copy than to send as a list of buffers."""
_CONTINUE = b"HTTP/1.1 100 "


class ResponseTransport:
    """Replaces the transport of uvicorn's responses; serves all responses of a connection, one after the other."""

    def __init__(self, transport: asyncio.Transport, close: Callable[[], None]) -> None:
        """Take the transport, and *close*, which closes the connection after a response."""
        self._transport, self._close, self._head, self._begun = transport, close, b"", False
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Hold back a head; send all other data, after the head if one is held."""
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
        """Send a head whose response has no body; the next write begins another response."""
        if self._head:
            self._transport.write(self._head)
        self._begun, self._head = False, b""

    def close(self) -> None:
        """Close the connection after what has been written."""
        self.end()
        self._close()
