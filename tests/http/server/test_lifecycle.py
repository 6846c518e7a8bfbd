"""From the start of the server to its end, bare and in the container: signals, workers, clients that leave."""

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.http import clients
from tests.http.clients import LARGE, NPY, ONE, PING, answers, connect, head, post
from tests.support.helpers import Job, Server, npy, serving
from tests.support.waiting import wait_until

bare = pytest.mark.parametrize("image", ["bare"], indirect=True)
"""For tests that look into processes, or send signals to the first one."""
ONE_WORKER = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}


@pytest.fixture
def server(job: Job, image: str | None, tmp_path: Path) -> Iterator[Server]:
    with serving(job.base, tmp_path / "log", image, ONE_WORKER) as server:
        yield server


def stop(server: Server) -> tuple[int, float]:
    start = time.monotonic()
    return server.stop(), time.monotonic() - start


def test_sigterm_ends_an_idle_server_at_once_whatever_connections_are_kept(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        silent, begun, kept = (stack.enter_context(connect(server)) for _ in range(3))
        begun.sendall(b"POST /invo")
        kept.sendall(PING)
        assert [answer.status for answer in answers(kept, 1)] == [200]
        code, seconds = stop(server)
        assert code == 0
        assert seconds < 8
        assert [answer.status for client in (silent, begun, kept) for answer in answers(client, 1)] == [0] * 3
    assert "Traceback" not in server.log.read_text()


def test_sigterm_leaves_no_request_without_its_answer_that_is_computed_or_queued(server: Server) -> None:
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(13) as pool:
        many = [stack.enter_context(connect(server)) for _ in range(12)]  # there are 8 threads
        for client in many:
            client.settimeout(60)  # on a busy machine it takes a while to send 300 MB
        list(pool.map(lambda client: client.sendall(post(LARGE, "Accept: application/x-npy")), many))
        stopped = pool.submit(server.stop)
        got = [answer for [answer] in pool.map(lambda client: answers(client, 1), many)]
        assert [answer.status for answer in got] == [200] * 12
        assert stopped.result() == 0


def test_sigterm_waits_for_no_client_longer_than_the_grace(job: Job, image: str | None, tmp_path: Path) -> None:
    variables = {**ONE_WORKER, "TRAFFIC_SIGNS_BODY_SECONDS": "40", "TRAFFIC_SIGNS_ANSWER_SECONDS": "40"}
    with (
        serving(job.base, tmp_path / "log", image, variables) as server,
        contextlib.ExitStack() as stack,
    ):
        never_sends, never_reads, no_end = (stack.enter_context(connect(server, 4096)) for _ in range(3))
        never_sends.sendall(head(f"Content-Length: {len(LARGE)}") + LARGE[:1000])
        never_reads.sendall(post(LARGE))
        assert never_reads.recv(1)
        no_end.sendall(head()[:-2])
        code, seconds = stop(server)
        log = server.log.read_text()
    assert code == 0
    assert seconds < 25
    assert "SIGKILL" not in log
    assert "Traceback" not in log


@bare
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_ctrl_c_and_sigquit_end_it_quickly(server: Server, number: signal.Signals) -> None:
    with connect(server) as client:
        client.sendall(PING)
        assert [answer.status for answer in answers(client, 1)] == [200]
        server.process.send_signal(number)
        assert server.process.wait(8) == 0
    assert "Traceback" not in server.log.read_text()


def test_a_worker_that_hangs_is_replaced_after_the_timeout_and_not_sooner(
    job: Job, image: str | None, tmp_path: Path
) -> None:
    variables = {**ONE_WORKER, "SAGEMAKER_MODEL_SERVER_TIMEOUT": "4"}
    with serving(job.base, tmp_path / "log", image, variables) as server:
        [worker] = server.workers()
        os.kill(worker, signal.SIGSTOP)
        start = time.monotonic()
        wait_until(lambda: worker not in server.workers(), 30, "the stopped worker is killed")
        assert 3 < time.monotonic() - start < 8  # the main process looks each second, and kills a second later
        wait_until(server.workers, 60, "another worker is there")
        assert server.post(ONE, NPY).status_code == 200


def test_the_shortest_timeout_kills_no_worker_that_is_well(job: Job, image: str | None, tmp_path: Path) -> None:
    variables = {**ONE_WORKER, "SAGEMAKER_MODEL_SERVER_TIMEOUT": "1"}
    with serving(job.base, tmp_path / "log", image, variables) as server:
        before = server.workers()
        end = time.monotonic() + 6
        while time.monotonic() < end:
            assert server.post(npy(np.zeros((2_000, 32, 32, 1), np.uint8)), NPY).status_code == 200
        assert server.workers() == before
        assert "WORKER TIMEOUT" not in server.log.read_text()


def test_hooks_may_take_longer_than_the_timeout(job: Job, image: str | None, tmp_path: Path) -> None:
    shutil.copytree(job.base / "model", tmp_path / "model")
    (tmp_path / "model" / "code").mkdir()
    # each prediction takes longer than the 2 s of the timeout
    slow = "import time\n\n\ndef predict_fn(data, model):\n    time.sleep(5)\n    return model.predict(data)\n"
    (tmp_path / "model" / "code" / "inference.py").write_text(slow)
    variables = {**ONE_WORKER, "SAGEMAKER_MODEL_SERVER_TIMEOUT": "2"}
    with serving(tmp_path, tmp_path / "log", image, variables) as server:
        before = server.workers()
        assert server.post(ONE, NPY).status_code == 200
        assert server.workers() == before
        assert "WORKER TIMEOUT" not in server.log.read_text()


@bare
def test_connections_are_shared_by_the_workers(
    job: Job, image: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (
        serving(job.base, tmp_path / "log", image, {"SAGEMAKER_MODEL_SERVER_WORKERS": "4"}) as server,
        contextlib.ExitStack() as stack,
    ):
        wait_until(lambda: len(server.workers()) == 4, 30, "four workers are there")
        wait_until(lambda: server.log.read_text().count("XNNPACK") == 4, 30, "each worker has its model")
        wait_until(lambda: not any(map(clients.connections, server.workers())), 30, "the start's pings are gone")
        many = []
        for _ in range(32):
            many.append(stack.enter_context(connect(server)))
            many[-1].sendall(PING)
            answers(many[-1], 1)

        def shared() -> list[int]:
            found = sorted(clients.connections(worker) for worker in server.workers())
            return found if sum(found) == len(many) else []  # one of the start may be accepted late

        shares = wait_until(shared, 60, "the workers hold the clients' connections and no others")
    with capsys.disabled():
        sys.stdout.write(f"\n32 connections one by one: {shares}\n")
    assert shares[-1] <= 24


def numbers(server: Server) -> tuple[float, float, float]:
    """Return how many requests were left by their clients, how many answered, and how many images are computed."""
    found = clients.metrics(server)
    left, answered = (f'traffic_signs_requests_total{{route="invocations",status="{status}"}}' for status in (499, 200))
    return found.get(left, 0), found.get(answered, 0), found["traffic_signs_batch_images_sum"]


@pytest.mark.parametrize("behind", [b"", PING])
def test_the_request_of_a_client_that_left_is_not_computed(server: Server, behind: bytes) -> None:
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(12) as pool:
        many = [stack.enter_context(connect(server)) for _ in range(9)]
        list(pool.map(lambda client: client.sendall(post(LARGE) + behind), many))
        wait_until(lambda: numbers(server)[2] > 0, 60, "the first images are computed")
    # the first may be answered before its client leaves
    wait_until(lambda: sum(numbers(server)[:2]) == 9, 60, "all nine are counted")
    left, _, computed = numbers(server)
    assert left > 9 / 4
    assert computed < 9 * 24_000 * 3 / 4
    assert server.post(ONE, NPY).status_code == 200
    # a batch of 32 may have been under way on each thread, of the thousands of images that nobody waits for
    assert numbers(server)[2] <= computed + 1 + 256
    assert "Traceback" not in server.log.read_text()


@pytest.fixture
def impatient(job: Job, image: str | None, tmp_path: Path) -> Iterator[Server]:
    """One worker that keeps an idle connection for 3 s."""
    variables = {**ONE_WORKER, "TRAFFIC_SIGNS_KEEP_ALIVE_SECONDS": "3"}
    with serving(job.base, tmp_path / "log", image, variables) as server:
        yield server


def test_an_idle_connection_is_kept_for_the_next_request_and_then_closed(impatient: Server) -> None:
    with connect(impatient) as client:
        for _ in range(3):
            client.sendall(PING)
            assert [answer.status for answer in answers(client, 1)] == [200]
            time.sleep(1.5)  # a client's pause, shorter than the 3 s for an idle connection
        assert client.recv(1) == b""


def test_a_websocket_on_a_connection_that_had_a_request_before_stays(impatient: Server) -> None:
    with connect(impatient) as client:
        client.sendall(PING)
        assert [answer.status for answer in answers(client, 1)] == [200]
        client.sendall(clients.HANDSHAKE)
        assert [answer.status for answer in answers(client, 1)] == [101]
        client.settimeout(6)  # longer than an idle connection would be kept
        with pytest.raises(TimeoutError):
            client.recv(1)
