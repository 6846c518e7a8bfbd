"""What a client may send, and for how long, bare and in the container: heads, bodies, connections, the queue."""

import contextlib
import http.client
import select
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests

from tests.conftest import in_one_place
from tests.http import clients
from tests.http.clients import CHUNKED, LARGE, NPY, ONE, PING, answers, ask, chunks, connect, head, post, statuses
from tests.support.helpers import Job, Server, npy, serving
from tests.support.waiting import wait_until

TOO_LARGE = 26 * 2**20
SOME = npy(np.zeros((400, 32, 32, 1), np.uint8))


pytestmark = in_one_place


@pytest.fixture(scope="module")
def server(job: Job, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker that waits for nobody longer than 2 s."""
    variables = {
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        "TRAFFIC_SIGNS_HEAD_SECONDS": "2",
        "TRAFFIC_SIGNS_HEAD_KB": "8",
        "TRAFFIC_SIGNS_BODY_SECONDS": "2",
    }
    with serving(job.base, tmp_path_factory.mktemp("server") / "log", image, variables) as server:
        yield server


@pytest.fixture
def small(job: Job, image: str | None, tmp_path: Path) -> Iterator[Server]:
    """One worker that takes 20 connections, and queues two requests."""
    variables = {
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        "TRAFFIC_SIGNS_CONNECTIONS": "20",
        "TRAFFIC_SIGNS_QUEUE_LENGTH": "2",
    }
    with serving(job.base, tmp_path / "log", image, variables) as server:
        yield server


def is_up(server: Server) -> None:
    assert requests.get(f"{server.url}/ping", timeout=2).status_code == 200
    assert server.post(ONE, NPY).status_code == 200


def test_heads_without_an_end_are_closed_and_fill_no_memory(server: Server) -> None:
    before = clients.megabytes(server)
    with contextlib.ExitStack() as stack, clients.pinging(server) as pings:
        many = [stack.enter_context(connect(server)) for _ in range(50)]
        for client in many:
            client.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nX-A: ")
            client.setblocking(False)
        deadline = time.monotonic() + 20
        while many:
            assert time.monotonic() < deadline, len(many)
            for client in list(many):
                try:
                    client.send(bytes(8192).replace(b"\0", b"a"))
                except BlockingIOError:
                    pass
                except OSError:
                    many.remove(client)
            select.select([], many, [], 1)  # until one takes more, or is closed
    assert 99 not in pings
    assert clients.megabytes(server) - before < 40
    is_up(server)


@pytest.mark.parametrize(
    ("start", "status"), [(b"", 0), (b"P", 408), (b"POST /invo", 408), (head()[:-2], 408), (b"\r\n", 408)]
)
def test_a_head_that_does_not_end_gets_an_answer_and_is_closed(server: Server, start: bytes, status: int) -> None:
    # a connection that never sent anything, or only empty lines, may be closed without a word
    assert statuses(server, start)[0] in (status, 0 if not start.strip() else status)


def test_a_head_that_arrives_byte_by_byte_is_closed_too(server: Server) -> None:
    with connect(server) as client:
        start = time.monotonic()
        for byte in head("X-A: " + "a" * 500):
            if select.select([client], [], [], 0.2)[0] or time.monotonic() > start + 15:
                break
            client.sendall(bytes([byte]))
        assert [answer.status for answer in answers(client, 2)] == [408, 0]


@pytest.mark.parametrize("pause", [0, 0.2])
@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
@pytest.mark.parametrize("size", [9_000, 70_000])
def test_a_head_that_is_too_large_gets_431_and_is_closed(server: Server, size: int, end: bytes, pause: float) -> None:
    data = b"GET /ping HTTP/1.1\r\nHost: x\r\nX-A: " + b"a" * size + end
    with connect(server) as client:
        client.sendall(data[:5_000] if pause else data)
        time.sleep(pause)  # so that the server reads the first packet alone, where there are two
        with contextlib.suppress(ConnectionError):
            client.sendall(data[5_000:] if pause else b"")
        assert [answer.status for answer in answers(client, 2)] == [431, 0]


def test_more_than_100_fields_are_a_bad_request(server: Server) -> None:
    assert statuses(server, head(*["X-A: a"] * 90, start="GET /ping HTTP/1.1")) == [200]
    assert statuses(server, head(*["X-A: a"] * 101, start="GET /ping HTTP/1.1"), 2) == [400, 0]


def test_four_heads_of_70_000_bytes_without_an_end_delay_no_other(server: Server) -> None:
    with contextlib.ExitStack() as stack, clients.pinging(server) as pings:
        for _ in range(4):
            client = stack.enter_context(connect(server))
            with contextlib.suppress(ConnectionError):
                client.sendall(head()[:-2] + b"X-A: " + b"a" * 70_000)
        assert [server.post(ONE, NPY).status_code for _ in range(20)] == [200] * 20
    assert 99 not in pings


def test_a_length_beyond_the_limit_is_refused_before_the_body_comes(server: Server) -> None:
    for fields in ([], ["Expect: 100-continue"]):
        [answer] = ask(server, head(f"Content-Length: {TOO_LARGE}", *fields))
        assert answer.status == 413
        assert b"larger than 25 MB" in answer.body


def test_a_client_that_sends_all_of_too_large_a_body_sees_why(server: Server) -> None:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=30)
    with contextlib.closing(connection):
        connection.request("POST", "/invocations", bytes(TOO_LARGE), {"Content-Type": NPY})
        assert connection.getresponse().status == 413
    assert server.post(bytes(TOO_LARGE), NPY).status_code == 413
    assert server.post((bytes(2**16) for _ in range(500)), NPY).status_code == 413  # in chunks
    with connect(server) as client:
        client.sendall(head(CHUNKED) + chunks(bytes(TOO_LARGE), 2**16) + b"0\r\n\r\n")
        assert [answer.status for answer in answers(client, 1)] == [413]
    is_up(server)


@pytest.mark.skipif(not shutil.which("curl"), reason="this machine has no curl")
@pytest.mark.parametrize("options", [(), ("--header", CHUNKED), ("--header", "Expect:")])
def test_curl_sees_why_too_large_a_body_is_refused(server: Server, options: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(bytes(TOO_LARGE))
    command = ["curl", "--silent", "--show-error", "--max-time", "30", "--write-out", " %{http_code}", *options]
    command += ["--header", f"Content-Type: {NPY}", "--data-binary", f"@{tmp_path / 'body'}"]
    done = subprocess.run([*command, f"{server.url}/invocations"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout[-4:]) == (0, " 413"), done.stderr


def drip(client: socket.socket, start: bytes, part: bytes, pause: float) -> None:
    """Send *part* again and again until there is an answer, at most 15 s."""
    client.sendall(start)
    deadline = time.monotonic() + 15
    while not select.select([client], [], [], pause)[0]:
        assert time.monotonic() < deadline
        client.sendall(part)


BODY = head("Content-Length: 100000")
DRIPS = [(BODY, b"a", 1), (head(CHUNKED), b"1\r\na\r\n", 1), (head(CHUNKED) + b"1\r\na\r\n" * 120, b"1\r\na\r\n", 1)]


@pytest.mark.parametrize(("start", "part", "pause"), [*DRIPS, (BODY, b"", 1), (BODY, b"a" * 2_000, 0.1)])
def test_a_body_that_comes_too_slowly_gets_408_and_is_closed(
    server: Server, start: bytes, part: bytes, pause: float
) -> None:
    with connect(server) as client:
        drip(client, start, part, pause)
        assert [answer.status for answer in answers(client, 2)] == [408, 0]


def test_a_body_that_comes_steadily_is_waited_for(server: Server) -> None:
    with connect(server) as client:
        data = post(SOME)
        for start in range(0, len(data), 10_000):
            client.sendall(data[start : start + 10_000])
            time.sleep(0.1)  # 4 s in all, longer than the 3 s for a body that is too slow
        assert [answer.status for answer in answers(client, 1)] == [200]


@pytest.mark.parametrize("number", [8, 20])
def test_slow_bodies_delay_no_other(server: Server, number: int) -> None:
    with contextlib.ExitStack() as stack:
        many = [stack.enter_context(connect(server)) for _ in range(number)]
        pool = stack.enter_context(ThreadPoolExecutor(number))
        slow = [pool.submit(drip, client, *DRIPS[turn % 3]) for turn, client in enumerate(many)]
        with clients.pinging(server) as pings:
            assert [server.post(SOME, NPY).status_code for _ in range(20)] == [200] * 20
            for future in slow:
                future.result()
        assert 99 not in pings
        assert [answer.status for client in many for answer in answers(client, 1)] == [408] * number


def test_idle_connections_make_room_for_others(small: Server) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            client = stack.enter_context(connect(small))
            client.sendall(PING)
            assert [answer.status for answer in answers(client, 1)] == [200]
        for _ in range(5):
            is_up(small)


def test_connections_whose_bodies_come_behind_the_answers_make_room_too(small: Server) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            client = stack.enter_context(connect(small))
            client.sendall(head("Content-Length: 3", start="POST /ping HTTP/1.1"))
            assert [answer.status for answer in answers(client, 1)] == [200]
            client.sendall(b"abc")
        is_up(small)


def test_a_body_that_never_comes_behind_its_answer_gets_no_second_one(server: Server) -> None:
    assert statuses(server, head("Content-Length: 3", start="POST /ping HTTP/1.1"), 2) == [200, 0]


def test_beyond_so_many_busy_connections_requests_are_refused_but_pings_answered(small: Server) -> None:
    with contextlib.ExitStack() as stack:
        busy = [stack.enter_context(connect(small)) for _ in range(20)]
        for client in busy:
            client.sendall(post(ONE)[:-1])
        wait_until(lambda: small.post(ONE, NPY).status_code == 503, 60, "all bodies are being read")
        for _ in range(5):
            refused = small.post(ONE, NPY)
            assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
            assert "try again" in refused.json()["error"]
            assert requests.get(f"{small.url}/ping", timeout=2).status_code == 200
        for client in busy:
            client.sendall(ONE[-1:])
        assert [answer.status for client in busy for answer in answers(client, 1)] == [200] * 20
    wait_until(lambda: small.post(ONE, NPY).ok, 60, "there is room again")


@pytest.mark.parametrize("path", ["/invocations", "/invocations/"])
def test_beyond_so_many_queued_requests_others_are_refused(small: Server, path: str) -> None:
    with contextlib.ExitStack() as stack, clients.pinging(small) as pings:
        many = [stack.enter_context(connect(small)) for _ in range(18)]
        with ThreadPoolExecutor(18) as pool:
            data = post(LARGE, start=f"POST {path} HTTP/1.1")
            list(pool.map(lambda client: client.sendall(data), many))
            got = [answer for [answer] in pool.map(lambda client: answers(client, 1), many)]
    assert {answer.status for answer in got} == {200, 503}
    for answer in got:
        if answer.status == 503:
            assert answer.headers["retry-after"] == "1"
            assert b"try again" in answer.body
    assert 99 not in pings
