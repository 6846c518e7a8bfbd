"""A job on several hosts: the first of them, the chief, trains; the others wait until it is done.

    resourceconfig.json -> Hosts ┬> the chief:  lead() … work … done()
                                 └> the others: follow(), which returns once the chief has ended

There is no distributed training here yet, so more hosts than one bring nothing. What they must not
do is harm: write over the chief's model, end before it (SageMaker's local mode stops every
container with the first that ends), or wait for ever for one that is gone.

The mechanism is one TCP connection a host, held until the chief's process ends: the kernel closes
it however that comes about, and the word sent before says whether the work was done.
"""

import contextlib
import json
import logging
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from traffic_signs.errors import HostsError

_log = logging.getLogger(__name__)
PORT = 7677
_MEETING_SECONDS = 10 * 60
"""Instances of one job start minutes apart: each pulls the image and the data for itself."""
_DONE = b"done"


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


class Lead:
    """The chief's end of the connections."""

    _held: list[socket.socket] = []  # noqa: RUF012 - shared on purpose: what is in it lives as long as the process

    def __init__(self, hosts: Hosts, port: int = PORT) -> None:
        """Listen for the other hosts; the kernel completes their connections while the chief works."""
        self._others = len(hosts.names) - 1
        if self._others:
            self._server = socket.create_server(("", port), backlog=self._others)
            self._held.append(self._server)

    def done(self, meeting_seconds: float = _MEETING_SECONDS) -> None:
        """Tell every other host that the work is done; they go once this process has ended.

        Raises:
            HostsError: a host has not connected within *meeting_seconds*.
        """
        for number in range(self._others):
            self._server.settimeout(meeting_seconds)
            try:
                connection, _ = self._server.accept()
            except TimeoutError as error:
                raise HostsError(f"{self._others - number} other hosts never came up; the model is complete") from error
            self._held.append(connection)
            connection.sendall(_DONE)


def follow(hosts: Hosts, port: int = PORT, meeting_seconds: float = _MEETING_SECONDS) -> None:
    """Wait until the chief's process has ended.

    Raises:
        HostsError: the chief cannot be reached within *meeting_seconds*, or ended before its work.
    """
    _log.warning("%s only waits: %s trains alone, of %d hosts", hosts.current, hosts.chief, len(hosts.names))
    received = b""
    # a connection that is reset or lost says no more than one that is closed
    with _connect(hosts.chief, port, meeting_seconds) as connection, contextlib.suppress(OSError):
        while part := connection.recv(16):
            received += part
    if received != _DONE:
        raise HostsError(f"{hosts.chief} ended before the training was done; its log says why")


def _connect(chief: str, port: int, meeting_seconds: float) -> socket.socket:
    deadline = time.monotonic() + meeting_seconds
    while True:
        try:
            connection = socket.create_connection((chief, port), timeout=10)
        except OSError as error:  # its name does not resolve, or nothing listens, until it is up
            if time.monotonic() > deadline:
                raise HostsError(f"{chief} cannot be reached on port {port}: {error}") from error
            time.sleep(0.2)
        else:
            break
    connection.settimeout(None)
    # a chief whose machine is lost closes nothing; unanswered probes end the wait after some minutes
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
    return connection
