"""The hosts of one job: who they are, and the connections that they hold from start to end.

    resourceconfig.json -> Hosts -> Link: everybody is here, has the same data, starts from the same state
                                      ... training, whose collectives are TensorFlow's ...
                                    Link.leave: nobody goes before the chief has

Each host but the first, the chief, holds a TCP connection to it for as long as its process lives:
the kernel closes it however that ends, so that nobody waits for a host that is gone. That matters
where TensorFlow does not see it: before its cluster is up, and while the chief alone writes the
model. Ending together matters too: SageMaker's local mode stops every container with the first.
"""

import contextlib
import json
import select
import socket
import struct
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from traffic_signs.errors import HostsError

PORT = 7677
"""Where the chief listens; TensorFlow takes the next ones, one a host."""
_MEETING_SECONDS = 10 * 60
"""Instances of one job start minutes apart: each pulls the image and the data for itself."""
_DONE = b"done"
_LENGTH = struct.Struct("!Q")


@dataclass(frozen=True)
class Hosts:
    """Who takes part in the job, and which of them this container is."""

    current: str
    names: tuple[str, ...]

    @classmethod
    def from_file(cls, path: Path) -> "Hosts":
        """Read resourceconfig.json.

        Raises:
            HostsError: it is missing, or does not name the hosts and the current one among them.
        """
        try:
            content = json.loads(path.read_bytes())
            hosts = cls(content["current_host"], tuple(content["hosts"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HostsError(f"{path.name} does not name the hosts of this job: {error!r}") from error
        if hosts.current not in hosts.names:
            raise HostsError(f"{path.name}: current_host {hosts.current!r} is none of the hosts {list(hosts.names)}")
        return hosts

    @property
    def chief(self) -> str:
        """The first one; the platform sorts the names, so that all hosts agree."""
        return self.names[0]

    @property
    def is_chief(self) -> bool:
        """Whether this host is the one that writes the job's outputs."""
        return self.current == self.chief


class Link:
    """The connections between the chief and the others; of one host alone, there are none."""

    _held: list[socket.socket] = []  # noqa: RUF012 - shared on purpose: what is in it lives as long as the process

    def __init__(
        self, hosts: Hosts, stop: threading.Event, port: int = PORT, meeting_seconds: float = _MEETING_SECONDS
    ) -> None:
        """Listen as the chief, or connect to it.

        Args:
            hosts: who takes part.
            stop: ends any waiting when it is set.
            port: where the chief listens.
            meeting_seconds: how long hosts wait for each other.

        Raises:
            HostsError: the chief cannot be reached within *meeting_seconds*.
        """
        self.hosts = hosts
        self._stop = stop
        self._deadline = time.monotonic() + meeting_seconds
        self._others: list[socket.socket] = []
        if hosts.is_chief:
            if len(hosts.names) > 1:
                # the kernel completes the connections of the others while the chief still reads its data
                self._server = socket.create_server(("", port), backlog=len(hosts.names))
        else:
            self._chief = self._connect(port)

    def meet(self, data: str, payload: bytes) -> bytes:
        """Return the chief's *payload* on every host, once all are here with the same *data*.

        Args:
            data: a fingerprint of what this host trains on.
            payload: what the chief has to say; the others' is ignored.

        Raises:
            HostsError: a host never came, ended, or has other data than the chief.
        """
        if not self.hosts.is_chief:
            _send(self._chief, data.encode())
            return self._receive(self._chief, f"{self.hosts.chief} ended before the training began; its log says why")
        while len(self._others) < len(self.hosts.names) - 1:
            missing = len(self.hosts.names) - 1 - len(self._others)
            self._wait(self._server, f"{missing} of {len(self.hosts.names)} hosts never came up")
            connection, _ = self._server.accept()
            _keep_alive(connection)
            self._others.append(connection)
            self._held.append(connection)
        for other in self._others:
            theirs = self._receive(other, "another host ended before the training began; its log says why")
            if theirs != data.encode():
                raise HostsError(
                    "the hosts have different data or settings; each needs all of the data (S3DataDistributionType"
                    " FullyReplicated)"
                )
        for other in self._others:
            _send(other, payload)
        return payload

    def leave(self) -> None:
        """As the chief, tell the others that all is written; as another host, wait for that and for its end.

        Raises:
            HostsError: the chief ended before everything was written.
        """
        if self.hosts.is_chief:
            for other in self._others:
                with contextlib.suppress(OSError):  # a host that is lost now takes nothing with it
                    other.sendall(_DONE)
            return
        received = b""
        self._chief.settimeout(None)
        # a connection that is reset or lost says no more than one that is closed
        with contextlib.suppress(OSError):
            while part := self._chief.recv(16):
                received += part
        if received != _DONE:
            raise HostsError(f"{self.hosts.chief} ended before the model was written; its log says why")

    def _connect(self, port: int) -> socket.socket:
        while True:
            try:
                connection = socket.create_connection((self.hosts.chief, port), timeout=5)
            except OSError as error:  # its name does not resolve, or nothing listens, until it is up
                if self._stop.wait(0.2) or time.monotonic() > self._deadline:
                    raise HostsError(f"{self.hosts.chief} cannot be reached on port {port}: {error}") from error
            else:
                _keep_alive(connection)
                self._held.append(connection)
                return connection

    def _wait(self, readable: socket.socket, otherwise: str) -> None:
        poll = select.poll()  # select.select takes no descriptor above 1,023
        poll.register(readable, select.POLLIN)
        while not poll.poll(200):
            if self._stop.is_set():
                raise HostsError("stopped before all hosts had met; there is no model yet")
            if time.monotonic() > self._deadline:
                raise HostsError(otherwise)

    def _receive(self, connection: socket.socket, otherwise: str) -> bytes:
        self._wait(connection, otherwise)
        connection.settimeout(60)
        try:
            (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
            return _exactly(connection, length)
        except (OSError, EOFError) as error:
            raise HostsError(otherwise) from error


def _send(connection: socket.socket, content: bytes) -> None:
    try:
        connection.sendall(_LENGTH.pack(len(content)) + content)
    except OSError as error:
        raise HostsError("another host ended before the training began; its log says why") from error


def _exactly(connection: socket.socket, length: int) -> bytes:
    content = bytearray()
    while len(content) < length:
        part = connection.recv(min(length - len(content), 1 << 20))
        if not part:
            raise EOFError
        content += part
    return bytes(content)


def _keep_alive(connection: socket.socket) -> None:
    """A machine that is lost closes nothing: unanswered probes end the wait within a minute."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in ((socket.TCP_KEEPIDLE, 20), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 4)):
        connection.setsockopt(socket.IPPROTO_TCP, option, value)
