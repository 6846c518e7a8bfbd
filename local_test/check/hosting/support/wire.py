"""HTTP client that sends requests as the platform does, and as faulty clients do.

    method, path, body, headers  ->  request  ->  Answer            raw bytes  ->  send_raw  ->  Answer

A server's fault never raises: an Answer with status 0 has the problem instead.
"""

import contextlib
import http.client
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

CLOSED, BROKE_OFF = "connection closed without a response", "incomplete response"
TIMED_OUT = "no response"
_BUFFERED_BYTES = 16_000
"""The buffers of a connection hold more."""


@dataclass(frozen=True)
class Answer:
    """A response, or the problem in its place."""

    status: int
    """HTTP status; 0 without a complete response."""
    seconds: float
    headers: Mapping[str, str] = field(default_factory=dict)
    """Header values by lower-case name."""
    body: bytes = b""
    problem: str = ""
    """Why there is no complete response."""
    closes: bool = False
    """The server announced that it closes the connection."""

    @property
    def ok(self) -> bool:
        """Whether the status is 200."""
        return self.status == http.client.OK

    @property
    def client_error(self) -> bool:
        """Whether the status is 4xx."""
        return 400 <= self.status < 500

    def __str__(self) -> str:
        """Return the status or problem, and the duration."""
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
    """Send one request on a new connection; a body that is an iterator is sent chunked."""
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
    """Send one request on a connection, which is opened if necessary."""
    start = time.monotonic()
    try:
        connection.connect() if connection.sock is None else None
        # a server that rejects a body early may have responded already
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.request(method, path, body or None, {"Host": "model.aws.local:8080", **(headers or {})})
        return _read(connection.getresponse(), start)
    except (OSError, http.client.HTTPException) as error:
        return Answer(0, time.monotonic() - start, problem=_describe(error))


def connect(address: tuple[str, int], seconds: float = 10, receive_bytes: int | None = None) -> socket.socket:
    """Open a connection, with a receive buffer of *receive_bytes* if given.

    Raises:
        OSError: the connection is not accepted.
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


def retransmissions(connection: socket.socket) -> int:
    """Return how many packets the kernel has sent again on *connection*: one that opens it, if the queue was full."""
    return int(struct.unpack_from("=I", connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100)[0])


def send_raw(address: tuple[str, int], text: bytes, *, ends: bool = False, seconds: float = 10) -> Answer:
    """Send raw bytes on a new connection; with *ends* the server reads its end after them."""
    start = time.monotonic()
    try:
        with connect(address, seconds) as connection:
            with contextlib.suppress(OSError):  # it may be closed already
                connection.sendall(text)
                if ends:
                    connection.shutdown(socket.SHUT_WR)
            return read_answer(connection, start)
    except OSError as error:
        return Answer(0, time.monotonic() - start, problem=_describe(error))


def post_head(path: str, length: int, headers: Mapping[str, str]) -> bytes:
    """Return the head of a POST with a body of *length* bytes."""
    fields = {"Host": "model.aws.local:8080", **headers, "Content-Length": str(length)}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items()), "", ""]
    return "\r\n".join(lines).encode()


def send_together(address: tuple[str, int], text: bytes, count: int, seconds: float) -> list[Answer]:
    """Send the same POST on *count* connections; the last byte of each follows when all others are sent.

    A POST larger than a connection's buffers is sent without this pause: a server may read one after the other.
    """
    held = 1 if len(text) <= _BUFFERED_BYTES else len(text)

    def finish(connection: socket.socket) -> Answer:
        start = time.monotonic()
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(text[-held:])
            return read_answer(connection, start)
        except OSError as error:
            return Answer(0, time.monotonic() - start, problem=_describe(error))

    with contextlib.ExitStack() as stack:
        try:
            connections = [stack.enter_context(connect(address, seconds)) for _ in range(count)]
        except OSError as error:
            return [Answer(0, 0, problem=_describe(error))]
        for connection in connections:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(text[:-held])
        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(finish, connections))


def read_answer(connection: socket.socket, start: float) -> Answer:
    """Read the response to a POST; *start* is the time.monotonic() at which the request was sent."""
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
        return TIMED_OUT
    if isinstance(error, http.client.IncompleteRead):
        return BROKE_OFF
    if isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError):
        return CLOSED
    return f"{type(error).__name__}: {error}"
