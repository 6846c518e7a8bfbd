"""What clients can take from a server: memory, descriptors, the time of others, bare and in the container."""

import contextlib
import os
import resource
import select
import socket
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.http import clients
from tests.http.clients import CHUNKED, HANDSHAKE, LARGE, NPY, ONE, PING, STREAMED, answers, connect, head, post
from tests.support.helpers import Job, Server, serving
from tests.support.waiting import wait_until

VARIABLES = {
    "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
    "TRAFFIC_SIGNS_HEAD_SECONDS": "3",
    "TRAFFIC_SIGNS_BODY_SECONDS": "3",
    "TRAFFIC_SIGNS_ANSWER_SECONDS": "3",
}
pytestmark = pytest.mark.parametrize("image", ["bare"], indirect=True)
"""Its memory and connections are looked at from outside, which the engine would stand between."""


@pytest.fixture
def server(job: Job, image: str | None, tmp_path: Path) -> Iterator[Server]:
    """One worker that waits for nobody longer than 3 s."""
    with serving(job.base, tmp_path / "log", image, VARIABLES) as server:
        yield server


def is_up(server: Server) -> None:
    assert requests.get(f"{server.url}/ping", timeout=2).status_code == 200
    assert server.post(ONE, NPY).status_code == 200


@pytest.mark.parametrize("fields", [(), STREAMED])
def test_a_client_that_does_not_read_is_disconnected_and_fills_no_memory(
    server: Server, fields: tuple[str, ...]
) -> None:
    [worker] = server.workers()
    after = []
    for _ in range(3):
        with contextlib.ExitStack() as stack, clients.pinging(server) as pings:
            many = [stack.enter_context(connect(server, 4096)) for _ in range(4)]
            with ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda client: client.sendall(post(LARGE, *fields)), many))
            assert all(select.select([client], [], [], 20)[0] for client in many)  # its answer has begun
            assert clients.connections(worker) >= 4  # of which nobody has had enough yet
            wait_until(lambda: clients.connections(worker) <= 1, 15, "they are hung up on")  # one may be a ping's
        assert 99 not in pings
        after.append(clients.megabytes(server))
    assert after[-1] - after[0] < 150, after  # four bodies are 100 MB
    is_up(server)


@pytest.mark.parametrize("fields", [(), STREAMED])
def test_a_client_that_reads_slowly_but_steadily_gets_the_whole_answer(server: Server, fields: tuple[str, ...]) -> None:
    headers = dict(field.split(": ") for field in fields)
    whole = server.post(LARGE, NPY, **headers).content
    got = b""
    with requests.post(
        f"{server.url}/invocations", data=LARGE, headers={"Content-Type": NPY, **headers}, stream=True, timeout=20
    ) as answer:
        for part in answer.iter_content(2**17):
            got += part
            time.sleep(0.06 * len(part) / 2**17)  # 7 s in all, longer than the 3 s for a client that stops reading
    assert got == whole


def send(server: Server, start: bytes, part: bytes, most: int) -> None:
    """Send *part* again and again, at most so many bytes, to a server that may have enough, and read nothing."""
    with connect(server) as client:
        client.settimeout(1)
        with contextlib.suppress(OSError):
            client.sendall(start)
            for _ in range(most // len(part)):
                client.sendall(part)


def test_requests_without_a_pause_fill_no_memory(server: Server) -> None:
    before = clients.megabytes(server)
    with connect(server) as client, clients.pinging(server) as pings, clients.memory(server) as most:

        def read() -> None:
            with contextlib.suppress(OSError):
                while client.recv(2**20):
                    pass

        reader = threading.Thread(target=read)
        reader.start()
        client.settimeout(1)
        with contextlib.suppress(OSError):
            for _ in range(200):
                client.sendall(PING * 1_500)
        client.shutdown(socket.SHUT_RDWR)
        reader.join()
    assert max(most) - before < 60
    assert 99 not in pings
    is_up(server)


@pytest.mark.parametrize("start", [head(CHUNKED) + b"0\r\nX-A: ", head(CHUNKED) + b"1;", head(CHUNKED) + b"0\r\n"])
def test_endless_bytes_after_a_body_fill_no_memory(server: Server, start: bytes) -> None:
    before = clients.megabytes(server)
    with clients.pinging(server) as pings, clients.memory(server) as most, ThreadPoolExecutor(4) as pool:
        part = b"X-A: b\r\n" * 8_192 if start.endswith(b"\n") else b"a" * 2**16
        list(pool.map(lambda _: send(server, start, part, 60 * 2**20), range(4)))
    assert max(most) - before < 40
    assert 99 not in pings
    is_up(server)


def test_many_large_requests_at_once_fill_no_memory(server: Server) -> None:
    with clients.memory(server) as most, contextlib.ExitStack() as stack, ThreadPoolExecutor(40) as pool:
        many = [stack.enter_context(connect(server)) for _ in range(40)]
        for client in many:
            client.settimeout(120)
        data = post(LARGE, "Accept: application/x-npy")
        sent = [pool.submit(client.sendall, data) for client in many]
        got = [pool.submit(answers, client, 1) for client in many]
        for future in sent:
            future.result()
        assert {answer.status for future in got for answer in future.result()} <= {200, 503, 408}
    assert max(most) < 800  # 40 bodies are 1 GB


@pytest.mark.parametrize(
    "data",
    [
        HANDSHAKE[:-2] + b"Cookie: " + b"a" * 9_000 + b"\r\n\r\n",
        HANDSHAKE[:-2] + b"Content-Length: 5\r\n\r\nhello",
        HANDSHAKE[:-2] + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HANDSHAKE.replace(b"GET", b"POST"),
        HANDSHAKE.replace(b"13", b"12"),
    ],
)
def test_an_invalid_handshake_is_answered_and_its_connection_closed(server: Server, data: bytes) -> None:
    [worker] = server.workers()
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(connect(server)) for _ in range(10)]
        for client in many:
            client.sendall(data)
        got = [answers(client, 1)[0].status for client in many]
        assert set(got) <= {101, 400, 405, 413, 426, 431}
        if 101 not in got:
            wait_until(lambda: clients.connections(worker) == 0, 15, "they are hung up on")


def test_a_server_without_descriptors_answers_again(job: Job, image: str | None, tmp_path: Path) -> None:
    with (
        serving(job.base, tmp_path / "log", image, VARIABLES, ["--ulimit", "nofile=64"]) as server,
        contextlib.ExitStack() as stack,
    ):
        before = server.workers()
        if not image:
            for process in (server.process.pid, *before):
                resource.prlimit(process, resource.RLIMIT_NOFILE, (64, 64))
        for _ in range(160):
            stack.enter_context(connect(server))

        def answered() -> bool:
            with contextlib.suppress(requests.RequestException):
                return requests.get(f"{server.url}/ping", timeout=2).status_code == 200
            return False

        wait_until(answered, 15, "a ping is answered")  # whose connections are still there
        is_up(server)
        assert server.workers() == before


def test_pings_are_answered_within_2_s_whatever_all_others_do(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    [worker] = server.workers()
    end = time.monotonic() + 10

    def again(start: bytes, part: bytes, pause: float) -> None:
        while time.monotonic() < end:
            with connect(server, 4096) as client, contextlib.suppress(OSError):
                client.settimeout(1)
                client.sendall(start)
                until = time.monotonic() + 4
                while time.monotonic() < min(until, end):
                    client.sendall(part)
                    time.sleep(pause)  # how slowly it attacks

    attacks = [
        (b"", b"", 1),
        (head()[:-2], b"X-A: b\r\n", 0.2),
        (head()[:-2] + b"X-A: ", b"a" * 5_000, 0.02),
        (head(CHUNKED), b"1\r\na\r\n", 0.1),
        (head(f"Content-Length: {len(LARGE)}"), b"a" * 1_000, 0.1),
        (post(LARGE), b"", 1),
        (post(LARGE, *STREAMED), b"", 1),
        (PING, PING, 0.05),
        (HANDSHAKE, b"", 1),
        (HANDSHAKE, os.urandom(100), 0.5),
        (b"\0garbage", b"", 1),
    ]
    with ThreadPoolExecutor(4 * len(attacks)) as pool, clients.pinging(server) as pings:
        running = [pool.submit(again, *attack) for attack in attacks for _ in range(4)]
        for future in running:
            future.result()
    with capsys.disabled():
        sys.stdout.write(f"\nslowest of {len(pings)} pings under everything at once: {max(pings):.2f} s\n")
    assert 99 not in pings
    is_up(server)
    assert server.workers() == {worker}
    assert "Traceback" not in server.log.read_text()
