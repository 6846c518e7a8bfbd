"""What a server does that is asked more than it can answer, bare and in the container.

Nobody waits for nothing: a request is answered or refused at once, and /ping is heard all the while.
"""

import contextlib
import os
import select
import selectors
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests

from tests.conftest import in_one_place
from tests.http.clients import metrics, pinging
from tests.support.helpers import Job, Server, npy, serving
from tests.support.waiting import wait_until

NPY = "application/x-npy"
ONE = npy(np.zeros((1, 32, 32, 1), np.uint8))
QUEUED, IMAGES = "traffic_signs_queue_length", "traffic_signs_batch_images_sum"
LARGER = npy(np.zeros((20, 32, 32, 1), np.uint8))
"""More than the event loop answers."""
LARGE = npy(np.zeros((20_000, 32, 32, 1), np.uint8))
HEAD = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: {NPY}\r\nContent-Length: {len(ONE)}\r\n\r\n".encode()


@pytest.fixture(scope="module")
def server(job: Job, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker that gives up on a silent client after 3 s."""
    variables = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "3"}
    with serving(job.base, tmp_path_factory.mktemp("server") / "log", image, variables) as server:
        yield server


def connect(server: Server) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=30)


@in_one_place
def test_more_than_the_queue_takes_is_refused_at_once(server: Server) -> None:
    def ask(_number: int) -> requests.Response:
        return server.post(body, NPY)

    body = npy(np.zeros((1_500, 32, 32, 1), np.uint8))
    with pinging(server) as pings, ThreadPoolExecutor(300) as pool:
        answers = list(pool.map(ask, range(300)))
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) == {200, 503}
    refused = [answer for answer in answers if answer.status_code == 503]
    assert all(answer.headers["Retry-After"] == "1" and "try again" in answer.json()["error"] for answer in refused)
    assert pings
    assert 99 not in pings
    assert server.post(ONE, NPY).status_code == 200


@in_one_place
def test_clients_that_go_away_free_their_places(job: Job, image: str | None, tmp_path: Path) -> None:
    variables = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    done = threading.Event()

    def keep_busy(server: Server) -> None:
        while not done.is_set():
            assert server.post(body, NPY).status_code in (200, 503)

    body = npy(np.zeros((2_000, 32, 32, 1), np.uint8))
    with serving(job.base, tmp_path / "log", image, variables) as server, ThreadPoolExecutor(24) as pool:
        busy = [pool.submit(keep_busy, server) for _ in range(24)]  # three times as many as there are threads
        refused_by = time.monotonic() + 240  # this process shares a busy machine with its own 24 clients
        try:
            gone: list[socket.socket] = []
            refused = False
            while not refused:
                # more than the queue takes, and again and again, because a busy machine may answer some meanwhile
                for _ in range(800 - len(gone)):
                    gone.append(connect(server))
                    # of a type that the event loop leaves to the threads
                    gone[-1].sendall(HEAD.replace(NPY.encode(), b"application/x-npz") + ONE)
                for connection in readable(gone):
                    refused |= b" 503 " in connection.recv(4096)
                    connection.close()
                    gone.remove(connection)
                assert time.monotonic() < refused_by
            for connection in gone:
                connection.close()
            wait_until(lambda: metrics(server)[QUEUED] <= len(busy), 30, "those who have gone are out of the queue")
            assert [server.post(ONE, NPY).status_code for _ in range(3)] == [200] * 3
        finally:
            done.set()
        for future in busy:
            future.result()


def readable(connections: list[socket.socket]) -> list[socket.socket]:
    poll = select.poll()  # select.select takes no descriptor above 1,023
    for connection in connections:
        poll.register(connection, select.POLLIN)
    ready = {number for number, _ in poll.poll(1)}
    return [connection for connection in connections if connection.fileno() in ready]


def test_silent_clients_delay_no_other(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connect(server)) for _ in range(100)]
        assert requests.get(f"{server.url}/ping", timeout=2).status_code == 200
        assert server.post(ONE, NPY).status_code == 200
        for number, start in enumerate((b"P", b"POST /invo", HEAD[:-4], HEAD, HEAD + ONE[:50])):
            silent[number].sendall(start)
        with pinging(server) as pings:
            assert [server.post(ONE, NPY).status_code for _ in range(20)] == [200] * 20
        assert 99 not in pings
        # the body that never comes: the client hears about it, and its thread is free again
        assert b" 408 " in silent[3].recv(4096).split(b"\r\n")[0]
        assert b" 408 " in silent[4].recv(4096).split(b"\r\n")[0]


CHUNKED = "Host: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        f"GET /ping HTTP/1.1\r\n{CHUNKED}",
        f"POST /ping HTTP/1.1\r\n{CHUNKED}",
        f"POST /invocations HTTP/1.1\r\n{CHUNKED}",
        f"POST /invocations HTTP/1.1\r\n{CHUNKED}5\r\nhel",
        "POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    ],
)
def test_clients_that_announce_a_body_and_send_none_delay_no_other(server: Server, head: str) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(connect(server)).sendall(head.encode())
        with pinging(server) as pings:
            assert [server.post(LARGER, NPY).status_code for _ in range(5)] == [200] * 5
        assert 99 not in pings


def test_an_answer_that_is_not_read_delays_no_other(server: Server) -> None:
    head = HEAD.replace(str(len(ONE)).encode(), str(len(LARGE)).encode())
    with contextlib.ExitStack() as stack:
        for _ in range(6):
            connection = stack.enter_context(connect(server))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(head + LARGE)
        with pinging(server) as pings:
            assert [server.post(ONE, NPY).status_code for _ in range(20)] == [200] * 20
        assert 99 not in pings


@in_one_place
def test_a_small_request_overtakes_large_ones(server: Server) -> None:
    finished: list[str] = []
    before = metrics(server)[IMAGES]

    def ask(name: str, body: bytes) -> None:
        assert server.post(body, NPY).status_code == 200
        finished.append(name)

    with ThreadPoolExecutor(3) as pool:
        futures = [pool.submit(ask, "large", npy(np.zeros((24_000, 32, 32, 1), np.uint8))) for _ in range(2)]
        wait_until(lambda: metrics(server)[IMAGES] > before, 30, "the first large request is being computed")
        futures.append(pool.submit(ask, "small", ONE))
        for future in futures:
            future.result()
    assert finished[0] == "small"


def test_a_killed_worker_is_replaced_and_no_other_request_notices(job: Job, image: str | None, tmp_path: Path) -> None:
    variables = {"SAGEMAKER_MODEL_SERVER_WORKERS": "2"}
    with serving(job.base, tmp_path / "log", image, variables) as server:
        before = server.workers()
        assert len(before) == 2
        done = threading.Event()
        outcomes: Counter[int | str] = Counter()

        def ask() -> None:
            while not done.is_set():
                try:
                    outcomes[server.post(ONE, NPY).status_code] += 1
                except requests.ConnectionError:
                    outcomes["lost"] += 1

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            wait_until(lambda: outcomes[200] > 50, 30, "requests are being answered")
            os.kill(min(before), signal.SIGKILL)
            wait_until(lambda: len(server.workers() - before) == 1, 30, "another worker is there")
            wait_until(lambda: min(before) not in server.workers(), 30, "the killed worker is gone")
            answered = outcomes[200]
            wait_until(lambda: outcomes[200] > answered + 50, 30, "requests are answered as before")
        finally:
            done.set()
            for thread in threads:
                thread.join()
        assert len(server.workers()) == 2
        assert min(before) not in server.workers()
        assert set(outcomes) <= {200, "lost"}
        assert outcomes["lost"] <= 4  # those that the dead worker was answering, at most one a client


@pytest.fixture
def idle(job: Job, image: str | None, tmp_path: Path) -> Iterator[Server]:
    """One worker that has nothing left of other tests' to do."""
    with serving(job.base, tmp_path / "log", image, {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}) as server:
        yield server


def test_clients_that_ask_without_a_pause_are_answered_alike(idle: Server) -> None:
    for _ in range(100):  # until it has seen that requests are quick
        assert idle.post(ONE, NPY).ok
    sockets = [connect(idle) for _ in range(24)]
    answers: Counter[socket.socket] = Counter()
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        for sock in sockets:
            stack.enter_context(sock)
            selector.register(sock, selectors.EVENT_READ)
            sock.sendall(HEAD + ONE)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            for key, _ in selector.select(5):
                sock = key.fileobj  # type: ignore[assignment] # registered as a socket
                assert sock.recv(100_000).startswith(b"HTTP/1.1 200")
                answers[sock] += 1
                sock.sendall(HEAD + ONE)
    assert max(answers.values()) > 5
    assert 2 * min(answers[sock] for sock in sockets) >= max(answers.values()), sorted(answers.values())
