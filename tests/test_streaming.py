"""Streamed answers under the real worker: what a client sees when something goes wrong on the way."""

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.helpers import free_port

APPLICATION = """
import time
from flask import Flask, request
from traffic_signs.serving import streaming

app = Flask(__name__)

@app.get("/ping")
def ping():
    return ""

@app.post("/<int:fails_at>")
def stream(fails_at):
    line = bytes(int(request.args.get("size", 10))).hex().encode()
    parts_at_all = int(request.args.get("parts", 3000))

    def parts():
        try:
            for number in range(parts_at_all):
                if number == fails_at:
                    raise ValueError("the engine broke")
                print("part", number, flush=True)
                yield b"%d %s\\n" % (number, line)
                time.sleep(0.01)
        finally:
            print("ended", flush=True)
    return streaming.respond(parts(), "application/jsonlines")
"""
CONFIGURATION = """
from traffic_signs.serving.metrics import Metrics

def post_fork(server, worker):
    worker.metrics = Metrics()
"""
FOR_EVER = 1_000_000


@dataclass(frozen=True)
class Streaming:
    port: int
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self, path: str) -> socket.socket:
        """Ask for a stream, with a small buffer for what comes."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(30)
        connection.connect(("127.0.0.1", self.port))
        connection.sendall(f"POST /{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
        return connection

    def ended(self) -> int:
        return self.log.read_text().count("ended")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Streaming]:
    folder = tmp_path_factory.mktemp("streaming")
    (folder / "application.py").write_text(APPLICATION)
    (folder / "configuration.py").write_text(CONFIGURATION)
    server = Streaming(free_port(), folder / "log")
    words = [sys.executable, "-m", "gunicorn", "--worker-class", "traffic_signs.serving.worker.Worker", "--threads",
             "2", "--bind", f"127.0.0.1:{server.port}", "--no-control-socket",
             "--config", "configuration.py", "application:app"]  # fmt: skip
    with server.log.open("wb") as log:
        process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait(lambda: responds(server))
        yield server
    finally:
        process.terminate()
        process.wait(40)


def responds(server: Streaming) -> bool:
    try:
        return requests.get(f"{server.url}/ping", timeout=2).ok
    except requests.RequestException:
        return False


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_error_before_the_first_part_is_a_status(server: Streaming) -> None:
    before = server.ended()
    assert requests.post(f"{server.url}/0", timeout=30).status_code == 500
    wait(lambda: server.ended() == before + 1)


def test_an_error_on_the_way_ends_the_stream_visibly_and_is_logged(server: Streaming) -> None:
    with server.open("3") as connection:
        received = b"".join(iter(lambda: connection.recv(4096), b""))
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"\n2 " in received
    assert not received.endswith(b"0\r\n\r\n")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.post(f"{server.url}/3", timeout=30)
    wait(lambda: "ValueError: the engine broke" in server.log.read_text())
    assert responds(server)


def test_a_client_that_goes_away_stops_the_work(server: Streaming) -> None:
    before = server.ended()
    with server.open(str(FOR_EVER)) as connection:
        assert connection.recv(1024)
    wait(lambda: server.ended() == before + 1)
    assert "part 2999\n" not in server.log.read_text()


def test_slow_readers_hold_nobody_up_and_are_bounded(server: Streaming) -> None:
    before = server.ended()
    slow = [server.open(f"{FOR_EVER}?size=500000") for _ in range(4)]
    try:
        for connection in slow:
            assert connection.recv(1024)
        whole = requests.post(f"{server.url}/{FOR_EVER}?parts=10", timeout=30)
        assert (whole.status_code, whole.content.count(b"\n")) == (200, 10)
        assert "Transfer-Encoding" not in whole.headers
        for _ in range(10):
            assert responds(server)
            assert requests.post(f"{server.url}/no-such-page", timeout=30).status_code == 404
    finally:
        for connection in slow:
            connection.close()
    wait(lambda: server.ended() == before + 5)
    answer = requests.post(f"{server.url}/{FOR_EVER}?parts=10", timeout=30)  # there is room again
    assert answer.headers["Transfer-Encoding"] == "chunked"
