"""HTTP as the platform speaks it to a container, and as broken clients do.

    method, path, body, headers  ->  request  ->  Answer            bytes as they are  ->  send_raw  ->  Answer

Nothing here raises for what a server does: an Answer without a status says what happened in its place.
"""

import contextlib
import http.client
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

CLOSED, BROKE_OFF, SILENCE = "a closed connection without an answer", "an answer that broke off", "silence"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    """0 if nothing did, or not all."""
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    """By their names in small letters."""
    body: bytes = b""
    problem: str = ""
    """Why there is no status."""
    closes: bool = False
    """The server said that it closes the connection after it."""

    @property
    def ok(self) -> bool:
        """Whether it is 200."""
        return self.status == http.client.OK

    @property
    def client_error(self) -> bool:
        """Whether it is the client's fault, by its status."""
        return 400 <= self.status < 500

    def __str__(self) -> str:
        """Say it in a few words."""
        return f"{self.status or self.problem} after {self.seconds:.2f} s"


def request(
    address: tuple[str, int],
    method: str,
    path: str,
    body: bytes | Iterator[bytes] = b"",
    headers: Mapping[str, str] | None = None,
    *,
    seconds: float = 60,
) -> Answer:
    """Make one request on a connection of its own; a body of pieces goes out chunked."""
    connection = http.client.HTTPConnection(*address, timeout=seconds)
    with contextlib.closing(connection):
        return request_on(connection, method, path, body, headers)


def request_on(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | Iterator[bytes] = b"",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Make one request on a connection, which is opened if it is not."""
    start = time.monotonic()
    try:
        connection.connect() if connection.sock is None else None
        # a server that refuses a body before its end has answered already
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body or None, {"Host": "model.aws.local:8080", **(headers or {})})
        return _read(connection.getresponse(), start)
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, time.monotonic() - start, problem=_describe(error))


def connect(address: tuple[str, int], seconds: float = 10, receive_bytes: int | None = None) -> socket.socket:
    """Open a connection, with a small buffer for what comes if asked for.

    Raises:
        OSError: it is not accepted.
    """
    connection = socket.socket()
    connection.settimeout(seconds)
    if receive_bytes:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def send_raw(address: tuple[str, int], text: bytes) -> Answer:
    """Send bytes as they are on a connection of their own."""
    start = time.monotonic()
    try:
        with connect(address) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(text)
            return read_answer(connection, start)
    except OSError as error:
        return Answer(0, time.monotonic() - start, problem=_describe(error))


def read_answer(connection: socket.socket, start: float) -> Answer:
    """Read one answer to a POST from a connection; *start* is when the request was sent, by time.monotonic()."""
    try:
        response = http.client.HTTPResponse(connection, method="POST")
        response.begin()
        return _read(response, start)
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, time.monotonic() - start, problem=_describe(error))


def _read(response: http.client.HTTPResponse, start: float) -> Answer:
    body = b"" if response.status == http.client.SWITCHING_PROTOCOLS else response.read()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, time.monotonic() - start, headers, body, closes=bool(response.will_close))


def _describe(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return SILENCE
    if isinstance(error, http.client.IncompleteRead):
        return BROKE_OFF
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return CLOSED
    return f"{type(error).__name__}: {error}"
