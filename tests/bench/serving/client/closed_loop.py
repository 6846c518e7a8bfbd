"""Closed loop of connections, each of which sends its next request when it has its answer."""

import select
import time
from array import array
from functools import partial

from .connection import SILENCE_SECONDS, Connection

_MOST_ANSWERS = 256
"""Limit of distinct answers to keep: the last digits may depend on the batch that a request was in."""


class Load:
    """Connections in a closed loop, and the counts of their requests."""

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
        """Send for *seconds* and at least *least* requests; return the seconds until the last answer."""
        start = now = time.perf_counter()
        sent = 0
        while True:
            while self._idle and (sent < least or now - start < seconds):
                self._send(self._idle.pop())
                sent += 1
            if len(self._idle) == len(self._connections):
                return now - start
            events = self._epoll.poll(SILENCE_SECONDS)
            if not events:
                self.lost += len(self._connections) - len(self._idle)
                return now - start
            for descriptor, event in events:
                self._handle(self._connections[descriptor], event)
            now = time.perf_counter()

    def close(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            connection.socket.close()
        self._epoll.close()

    def _connect(self) -> Connection:
        connection = self._new()
        self._connections[connection.socket.fileno()] = connection
        self._epoll.register(connection.socket, select.EPOLLIN)
        return connection

    def _replace(self, connection: Connection) -> None:
        del self._connections[connection.socket.fileno()]
        connection.socket.close()  # which also removes it from epoll
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

    def _handle(self, connection: Connection, event: int) -> None:
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
