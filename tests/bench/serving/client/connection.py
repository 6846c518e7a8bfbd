"""Client connection over HTTP/1.1 or WebSocket, with at most one request in flight."""

import os
import socket
import struct
import time

_READ_BYTES = 1024 * 1024
SILENCE_SECONDS = 60
"""If no answer comes for so long, all open requests count as lost."""
_PING, _CLOSE, _FINAL_DATA = 0x9, 0x8, (0x81, 0x82)


class Connection:
    """A connection to 127.0.0.1 with at most one request in flight."""

    def __init__(self, port: int, message: bytes, handshake: bytes | None) -> None:
        """Connect, and open a WebSocket if there is a handshake to send."""
        self._message = message
        self._websocket = handshake is not None
        self._received = bytearray()
        self._answer = (0, 0)
        self._unsent = memoryview(b"")
        self._closing = False
        self.status = 200
        self.sent_at = 0.0
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SILENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if handshake:
            self.socket.sendall(handshake)
            answer = self.socket.recv(_READ_BYTES)
            if not answer.startswith(b"HTTP/1.1 101 "):
                raise ValueError(f"no WebSocket: {answer[:200]!r}")
        self.socket.setblocking(False)

    @property
    def reusable(self) -> bool:
        """Whether another request can follow: not after `Connection: close` or an early answer to an unsent body."""
        return not (self._closing or self._unsent)

    def send(self) -> bool:
        """Start a request; return whether all of it is sent."""
        self.sent_at = time.perf_counter()
        self._unsent = memoryview(self._message)
        return self.send_rest()

    def send_rest(self) -> bool:
        """Send what fits into the socket's buffer; return whether all of the request is sent."""
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            return False
        return not self._unsent

    def receive(self) -> bytes | None:
        """Read from the socket; return the answer if it is complete, else None.

        Raises:
            ConnectionError: the server closed or reset the connection.
        """
        data = self.socket.recv(_READ_BYTES)
        if not data:
            raise ConnectionError
        self._received += data
        if not self._answer[1] and not (self._parse_frame() if self._websocket else self._parse_head()):
            return None
        start, end = self._answer
        if len(self._received) < end:
            return None
        answer = bytes(self._received[start:end])
        del self._received[:end]
        self._answer = (0, 0)
        return answer

    def _parse_head(self) -> bool:
        """Parse status and body length of an HTTP response; return False if its head is incomplete."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._received[:end]).lower()
        self.status = int(head[9:12])
        self._closing = b"\r\nconnection: close" in head
        length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        self._answer = (end + 4, end + 4 + int(length))
        return True

    def _parse_frame(self) -> bool:
        """Find the payload of the first data frame; answer pings before it. Return False if the frame is incomplete."""
        while len(self._received) >= 2:
            size, start = self._received[1], 2
            if size >= 126:
                form, start = ("!H", 4) if size == 126 else ("!Q", 10)
                if len(self._received) < start:
                    return False
                (size,) = struct.unpack_from(form, self._received, 2)
            if self._received[0] in _FINAL_DATA:
                self._answer = (start, start + size)
                return True
            opcode = self._received[0] & 0xF
            if opcode != _PING:
                raise ConnectionError("closed" if opcode == _CLOSE else f"frame with opcode {opcode}")
            if len(self._received) < start + size:
                return False
            self.socket.send(b"\x8a" + bytes([0x80 | size]) + bytes(4) + self._received[start : start + size])
            del self._received[: start + size]
        return False


def masked(body: bytes) -> bytes:
    """Return *body* as a client's binary WebSocket frame."""
    mask = os.urandom(4)
    size = len(body)
    masks = (mask * (size // 4 + 1))[:size]
    payload = (int.from_bytes(body, "big") ^ int.from_bytes(masks, "big")).to_bytes(size, "big")
    if size < 126:
        length = bytes([0x80 | size])
    else:
        length = struct.pack("!BH", 0xFE, size) if size < 1 << 16 else struct.pack("!BQ", 0xFF, size)
    return b"\x82" + length + mask + payload
