"""TCP connections between the hosts of one training job.

    Hosts -> Cluster.synchronize: all hosts are up, with the same data and the same initial state
                 ... training, whose collectives are TensorFlow's ...
             Cluster.leave: every host waits until the chief has written the model

The chief is the first host. Every other host holds a connection to it for the life of its process.
The kernel closes it however the process ends, so no host waits for one that is gone. TensorFlow
does not detect that before its cluster is up, nor while the chief alone writes the model. All hosts
end together, because SageMaker's local mode stops every container as soon as one ends.
"""

import contextlib
import select
import socket
import struct
import threading
import time

from traffic_signs.errors import HostsError
from traffic_signs.training.fit.hosts import Hosts

PORT = 7677
"""Port of the chief. TensorFlow uses the ports after it, one for each host."""
_JOIN_SECONDS = 10 * 60
"""Instances of one job start minutes apart: each pulls the image and the data for itself."""
_EXPORT_SECONDS = 30 * 60
"""Much longer than calibration, export and report take: it ends the wait for a chief that hangs."""
_DONE = b"done"
_LENGTH = struct.Struct("!Q")
_ENDED_EARLY = "another host ended before the training began; see its log"


class Cluster:
    """TCP connections between the chief and the other hosts; a single host has none."""

    _open_sockets: list[socket.socket] = []  # noqa: RUF012 - shared on purpose: they stay open as long as the process

    def __init__(
        self, hosts: Hosts, stop: threading.Event, port: int = PORT, join_seconds: float = _JOIN_SECONDS
    ) -> None:
        """Listen as the chief, or connect to it.

        Args:
            hosts: hosts of the job.
            stop: ends any waiting when it is set.
            port: port of the chief.
            join_seconds: how long hosts wait for each other.

        Raises:
            HostsError: the chief cannot be reached within *join_seconds*.
        """
        self.hosts = hosts
        self._stop = stop
        self._deadline = time.monotonic() + join_seconds
        self._others: list[socket.socket] = []
        if hosts.is_chief:
            if len(hosts.names) > 1:
                # the kernel completes the connections of the others while the chief still reads its data
                self._server = socket.create_server(("", port), backlog=len(hosts.names))
        else:
            self._chief = self._connect(port)

    def synchronize(self, fingerprint: str, payload: bytes) -> bytes:
        """Wait until all hosts are up with the same *fingerprint*; return the chief's *payload* on each of them.

        Args:
            fingerprint: identifies the data and settings that this host trains with.
            payload: what the chief sends; ignored on the other hosts.

        Raises:
            HostsError: a host did not start, ended, or has other data than the chief.
        """
        if not self.hosts.is_chief:
            _send(self._chief, fingerprint.encode())
            return self._receive(self._chief, f"{self.hosts.chief} ended before the training began; see its log")
        while len(self._others) < len(self.hosts.names) - 1:
            missing = len(self.hosts.names) - 1 - len(self._others)
            self._wait(self._server, f"{missing} of {len(self.hosts.names)} hosts did not start in time")
            connection, _ = self._server.accept()
            _enable_keep_alive(connection)
            self._others.append(connection)
            self._open_sockets.append(connection)
        for other in self._others:
            if self._receive(other, _ENDED_EARLY) != fingerprint.encode():
                raise HostsError(
                    "the hosts have different data or settings; give each host all of the data (S3DataDistributionType"
                    " FullyReplicated)"
                )
        for other in self._others:
            _send(other, payload)
        return payload

    def leave(self, seconds: float = _EXPORT_SECONDS) -> None:
        """As the chief, tell the others that the model is written; as another host, wait at most *seconds* for that.

        Raises:
            HostsError: the chief ended before the model was written, or has not written it in time.
        """
        if self.hosts.is_chief:
            for other in self._others:
                with contextlib.suppress(OSError):  # the model is written, so a host lost now does not matter
                    other.sendall(_DONE)
            return
        received, reason = b"", "ended before the model was written"
        self._chief.settimeout(seconds)
        try:
            while part := self._chief.recv(16):
                received += part
        except TimeoutError:
            reason = f"has not written the model within {seconds / 60:g} min"
        except OSError:  # a connection that is reset or lost means the same as one that is closed
            pass
        if received != _DONE:
            raise HostsError(f"{self.hosts.chief} {reason}; see its log")

    def _connect(self, port: int) -> socket.socket:
        while True:
            try:
                connection = socket.create_connection((self.hosts.chief, port), timeout=5)
            except OSError as error:  # until the chief is up, its name does not resolve or its port is closed
                if self._stop.wait(0.2) or time.monotonic() > self._deadline:
                    raise HostsError(f"{self.hosts.chief} cannot be reached on port {port}: {error}") from error
            else:
                _enable_keep_alive(connection)
                self._open_sockets.append(connection)
                return connection

    def _wait(self, readable: socket.socket, timeout_message: str) -> None:
        poll = select.poll()  # select.select takes no descriptor above 1,023
        poll.register(readable, select.POLLIN)
        while not poll.poll(200):
            if self._stop.is_set():
                raise HostsError("SIGTERM: stopped before all hosts were up; there is no model yet")
            if time.monotonic() > self._deadline:
                raise HostsError(timeout_message)

    def _receive(self, connection: socket.socket, failure_message: str) -> bytes:
        self._wait(connection, failure_message)
        connection.settimeout(60)
        try:
            (length,) = _LENGTH.unpack(_receive_exactly(connection, _LENGTH.size))
            return _receive_exactly(connection, length)
        except (OSError, EOFError) as error:
            raise HostsError(failure_message) from error


def _send(connection: socket.socket, content: bytes) -> None:
    try:
        connection.sendall(_LENGTH.pack(len(content)) + content)
    except OSError as error:
        raise HostsError(_ENDED_EARLY) from error


def _receive_exactly(connection: socket.socket, length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        part = connection.recv(min(length - len(content), 1 << 20))
        if not part:
            raise EOFError
        content += part
    return bytes(content)


def _enable_keep_alive(connection: socket.socket) -> None:
    """Detect within a minute a machine that is lost: it closes no connection, but answers no probe either."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 20), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 4)):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
