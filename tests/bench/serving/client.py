"""Closed-loop client that follows every request to its end: large HTTP bodies, or WebSocket messages.

    connections, each: prebuilt request -> answer -> next request, until the time is over and enough are sent
        -> JSON: requests answered, lost and by status, latencies, and how often each distinct answer came

h2load abandons all that a connection has left once it is reset, and looks at no answer. One thread with epoll; it runs
in the bench's image, with the standard library alone: client.py '{"port": 8080, "body": "/bodies/npy", ...}'
"""

import base64
import json
import os
import select
import socket
import statistics
import struct
import sys
import time
from array import array
from functools import partial
from pathlib import Path
from typing import Any

_READ = 1024 * 1024
_SILENCE_SECONDS = 60
"""Without any answer, what is still open counts as lost."""
_MOST_ANSWERS = 64
"""Distinct ones that are kept for checking."""
_PING, _CLOSE, _FINAL_TEXT = 0x9, 0x8, (0x81, 0x82)


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
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_SILENCE_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if handshake:
            self.socket.sendall(handshake)
            answer = self.socket.recv(_READ)
            if not answer.startswith(b"HTTP/1.1 101 "):
                raise ValueError(f"no WebSocket: {answer[:200]!r}")
        self.socket.setblocking(False)

    @property
    def reusable(self) -> bool:
        """Whether another request can follow: not after an answer to half a body, or with `Connection: close`."""
        return not (self._closing or self._unsent)

    def send(self) -> bool:
        """Begin a request; return whether all of it is sent."""
        self.sent_at = time.perf_counter()
        self._unsent = memoryview(self._message)
        return self.send_rest()

    def send_rest(self) -> bool:
        """Send what the socket takes; return whether all of it is sent."""
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            return False
        return not self._unsent

    def receive(self) -> bytes | None:
        """Read; return the answer once it is complete.

        Raises:
            ConnectionError: closed or reset by the server.
        """
        data = self.socket.recv(_READ)
        if not data:
            raise ConnectionError
        self._received += data
        if not self._answer[1] and not (self._frame() if self._websocket else self._head()):
            return None
        start, end = self._answer
        if len(self._received) < end:
            return None
        answer = bytes(self._received[start:end])
        del self._received[:end]
        self._answer = (0, 0)
        return answer

    def _head(self) -> bool:
        """Find status and body of an HTTP response, once its head is here."""
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._received[:end]).lower()
        self.status = int(head[9:12])
        self._closing = b"\r\nconnection: close" in head
        length = head.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        self._answer = (end + 4, end + 4 + int(length))
        return True

    def _frame(self) -> bool:
        """Find the payload of the first data frame, answering the pings before it."""
        while len(self._received) >= 2:
            size, start = self._received[1], 2
            if size >= 126:
                form, start = ("!H", 4) if size == 126 else ("!Q", 10)
                if len(self._received) < start:
                    return False
                (size,) = struct.unpack_from(form, self._received, 2)
            if self._received[0] in _FINAL_TEXT:
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


class Load:
    """So many connections in a closed loop, and the counts of their requests."""

    def __init__(self, port: int, message: bytes, handshake: bytes | None, connections: int) -> None:
        self._new = partial(Connection, port, message, handshake)
        self._epoll = select.epoll()
        self._connections: dict[int, Connection] = {}
        self._idle = [self._connect() for _ in range(connections)]
        self.lost = 0
        self.statuses: dict[int, int] = {}
        self.answers: dict[bytes, int] = {}
        self.seconds = array("d")

    def run(self, seconds: float, least: int) -> float:
        """Send for *seconds*, and at least *least* requests; return the seconds until the last answer."""
        start = now = time.perf_counter()
        sent = 0
        while True:
            while self._idle and (sent < least or now - start < seconds):
                self._send(self._idle.pop())
                sent += 1
            if len(self._idle) == len(self._connections):
                return now - start
            events = self._epoll.poll(_SILENCE_SECONDS)
            if not events:
                self.lost += len(self._connections) - len(self._idle)
                return now - start
            for descriptor, event in events:
                self._go_on(self._connections[descriptor], event)
            now = time.perf_counter()

    def _connect(self) -> Connection:
        connection = self._new()
        self._connections[connection.socket.fileno()] = connection
        self._epoll.register(connection.socket, select.EPOLLIN)
        return connection

    def _replace(self, connection: Connection) -> None:
        del self._connections[connection.socket.fileno()]
        connection.socket.close()  # which epoll notices
        if connection in self._idle:
            self._idle.remove(connection)
        self._idle.append(self._connect())

    def _send(self, connection: Connection) -> None:
        try:
            if not connection.send():
                self._epoll.modify(connection.socket, select.EPOLLIN | select.EPOLLOUT)
        except OSError:
            self.lost += 1
            self._replace(connection)

    def _go_on(self, connection: Connection, event: int) -> None:
        try:
            if event & select.EPOLLOUT and connection.send_rest():
                self._epoll.modify(connection.socket, select.EPOLLIN)
            answer = connection.receive() if event & ~select.EPOLLOUT else None
        except OSError:
            self.lost += connection not in self._idle
            self._replace(connection)
            return
        if answer is None:
            return
        self.statuses[connection.status] = self.statuses.get(connection.status, 0) + 1
        if connection.status == 200:
            self.seconds.append(time.perf_counter() - connection.sent_at)
            if answer in self.answers or len(self.answers) < _MOST_ANSWERS:
                self.answers[answer] = self.answers.get(answer, 0) + 1
        self._idle.append(connection)
        if not connection.reusable:
            self._replace(connection)


def _masked(body: bytes) -> bytes:
    """Return a binary WebSocket frame of a client."""
    mask = os.urandom(4)
    size = len(body)
    masks = (mask * (size // 4 + 1))[:size]
    payload = (int.from_bytes(body, "big") ^ int.from_bytes(masks, "big")).to_bytes(size, "big")
    length = bytes([0x80 | size]) if size < 126 else struct.pack("!BH", 0x80 | 126, size)
    if size >= 1 << 16:
        length = struct.pack("!BQ", 0x80 | 127, size)
    return b"\x82" + length + mask + payload


def main(options: dict[str, Any]) -> None:
    """Send what the options say; write each distinct answer to a file of its own, print the rest as JSON."""
    body = Path(options["body"]).read_bytes()
    head = "".join(f"{name}: {value}\r\n" for name, value in options["headers"].items())
    host = f"Host: 127.0.0.1:{options['port']}\r\n"
    if options["websocket"]:
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}"
        handshake = f"GET {options['path']} HTTP/1.1\r\n{host}{upgrade}\r\n\r\n".encode()
        load = Load(options["port"], _masked(body), handshake, options["connections"])
    else:
        request = f"POST {options['path']} HTTP/1.1\r\n{host}{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        load = Load(options["port"], request, None, options["connections"])
    seconds = load.run(options["seconds"], options["least"])
    for number, answer in enumerate(load.answers):
        Path(f"{options['answers']}.{number}").write_bytes(answer)
    cuts = (
        statistics.quantiles(load.seconds, n=100, method="inclusive") if len(load.seconds) > 1 else [float("nan")] * 99
    )
    found = {"seconds": seconds, "lost": load.lost, "statuses": load.statuses, "counts": list(load.answers.values())}
    print(json.dumps({**found, "p50": 1000 * cuts[49], "p99": 1000 * cuts[98]}))  # noqa: T201


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
