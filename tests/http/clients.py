"""Clients made of sockets, for what no library would send, and looks at the server from outside."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import requests

from tests.support.helpers import Server, npy

NPY = "application/x-npy"
ONE = npy(np.zeros((1, 32, 32, 1), np.uint8))
LARGE = npy(np.zeros((24_000, 32, 32, 1), np.uint8))
"""Its answer, 14 MB, does not fit into what the kernel keeps for a client that does not read."""
PING = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
STREAMED = ("Accept: application/jsonlines", "X-Amzn-SageMaker-Custom-Attributes: stream=true")
CHUNKED = "Transfer-Encoding: chunked"


@dataclass(frozen=True)
class Answer:
    """A response; its status is 0 if the connection ended instead."""

    status: int
    headers: dict[str, str]
    body: bytes


def connect(server: Server, buffer: int = 0) -> socket.socket:
    """Connect; with *buffer* the kernel keeps no more bytes than about that for a client that does not read."""
    client = socket.socket()
    client.settimeout(60)  # on a busy machine, 18 large bodies take longer than 15 s to send
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    client.connect(("127.0.0.1", int(server.url.rsplit(":", 1)[1])))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def head(*fields: str, start: str = "POST /invocations HTTP/1.1") -> bytes:
    return "\r\n".join([start, "Host: x", f"Content-Type: {NPY}", *fields, "", ""]).encode()


def post(body: bytes, *fields: str, start: str = "POST /invocations HTTP/1.1") -> bytes:
    return head(f"Content-Length: {len(body)}", *fields, start=start) + body


HANDSHAKE = head(
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
    start="GET /invocations-bidirectional-stream HTTP/1.1",
)


def chunks(body: bytes, size: int) -> bytes:
    """Return *body* in chunks, without the last one, which is empty."""
    parts = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


def read(stream: IO[bytes]) -> Answer:
    """Read a response that has a length, or nothing behind its head."""
    headers = {}
    try:
        status = int((stream.readline() or b"- 0").split()[1])
        while line := stream.readline().decode("latin-1").strip():
            name, value = line.split(":", 1)
            headers[name.lower()] = value.strip()
        return Answer(status, headers, stream.read(int(headers.get("content-length", 0))))
    except ConnectionResetError:
        return Answer(0, headers, b"")


def answers(client: socket.socket, number: int) -> list[Answer]:
    with client.makefile("rb") as stream:
        return [read(stream) for _ in range(number)]


def ask(server: Server, data: bytes, number: int = 1) -> list[Answer]:
    """Send *data* on a connection of its own and read so many responses."""
    with connect(server) as client:
        with contextlib.suppress(ConnectionError):  # refused before all was sent
            client.sendall(data)
        return answers(client, number)


def statuses(server: Server, data: bytes, number: int = 1) -> list[int]:
    return [answer.status for answer in ask(server, data, number)]


@contextlib.contextmanager
def repeated(action: Callable[[], None], pause: float) -> Iterator[None]:
    """Call *action* in a thread again and again, with *pause* seconds in between."""
    done = threading.Event()

    def loop() -> None:
        action()
        while not done.wait(pause):
            action()

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextlib.contextmanager
def pinging(server: Server) -> Iterator[list[float]]:
    """Ping on new connections; the seconds that each took. Two in a row without a 200 in 2 s count as 99.

    A busy machine delays one answer, a blocked server both.
    """
    seconds: list[float] = []

    def answered() -> bool:
        start = time.monotonic()
        with contextlib.suppress(requests.RequestException):
            if requests.get(f"{server.url}/ping", timeout=2).status_code == 200:
                seconds.append(time.monotonic() - start)
                return True
        return False

    def ping() -> None:
        if not answered() and not answered():
            seconds.append(99)

    with repeated(ping, 0.02):
        yield seconds


def megabytes(server: Server) -> float:
    """Return the memory of the workers."""
    pages = (int(Path(f"/proc/{worker}/statm").read_text().split()[1]) for worker in server.workers())
    return sum(pages) * 4096 / 2**20


@contextlib.contextmanager
def memory(server: Server) -> Iterator[list[float]]:
    """Look at the memory of the workers again and again."""
    most = [megabytes(server)]
    with repeated(lambda: most.append(megabytes(server)), 0.05):
        yield most


def connections(worker: int) -> int:
    """Return how many connections the process *worker* holds; of processes of ours only."""
    sockets = set()
    for descriptor in Path(f"/proc/{worker}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            sockets.add(str(descriptor.readlink()).removeprefix("socket:[").removesuffix("]"))
    lines = [line.split() for line in Path(f"/proc/{worker}/net/tcp").read_text().splitlines()[1:]]
    return sum(fields[9] in sockets and fields[3] != "0A" for fields in lines)  # 0A: it listens


def metrics(server: Server) -> dict[str, float]:
    """Return what /metrics says: a series as it stands there, with its labels -> its value."""
    lines = requests.get(f"{server.url}/metrics", timeout=5).text.splitlines()
    pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {series: float(value) for series, value in pairs}
