"""Bidirectional streaming, bare and in the container: a camera's frames in, a prediction a frame out, in order."""

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
import simple_websocket

from tests.support.helpers import Job, Server, encoded, npy, serving
from tests.support.waiting import wait_until

PIXELS = np.random.default_rng(1).integers(0, 256, (30, 32, 32, 1), dtype=np.uint8)
PATH = "/invocations-bidirectional-stream"
MOST = 32


@pytest.fixture(scope="module")
def server(job: Job, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One worker, which gives up on a client that is silent in the middle of a request after 2 s."""
    variables = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "2"}
    with serving(job.base, tmp_path_factory.mktemp("server") / "log", image, variables) as server:
        yield server


@contextlib.contextmanager
def stream(server: Server, query: str = "", **options: Any) -> Iterator[simple_websocket.Client]:
    client = simple_websocket.Client(server.url.replace("http", "ws") + PATH + query, **options)
    try:
        yield client
    finally:
        with contextlib.suppress(simple_websocket.ConnectionClosed, OSError):
            client.close()


def receive(client: simple_websocket.Client) -> Any:
    received = client.receive(timeout=60)
    assert isinstance(received, str)
    return json.loads(received)


def expected(server: Server) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = server.post(npy(PIXELS), "application/x-npy").json()["predictions"]
    return answers


def same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one.keys() == other.keys()
    assert one["class_id"] == other["class_id"]
    np.testing.assert_allclose(one["probabilities"], other["probabilities"], atol=1e-6)


def test_every_kind_of_frame_is_answered_in_order(server: Server) -> None:
    kinds: list[Callable[[np.ndarray], bytes | str]] = [
        lambda pixels: encoded(pixels[..., 0], "PNG"),
        lambda pixels: npy(pixels[np.newaxis]),
        lambda pixels: npy(pixels[..., 0]),
        lambda pixels: json.dumps(pixels[..., 0].tolist()),
    ]
    with stream(server) as client:
        for number, pixels in enumerate(PIXELS):  # all of them before an answer is read
            client.send(kinds[number % len(kinds)](pixels))
        for prediction in expected(server):
            same(receive(client), prediction)


def test_options_come_in_the_query_string(server: Server) -> None:
    with stream(server, "?top_k=3&probabilities=false") as client:
        client.send(encoded(PIXELS[0, ..., 0], "PNG"))
        answer = receive(client)
    assert len(answer["top_k"]) == 3
    assert "probabilities" not in answer
    with stream(server, "?pixels=true") as client:
        client.send(encoded(PIXELS[0, ..., 0], "PNG"))
        assert receive(client)["pixels"] == PIXELS[0, ..., 0].tolist()
    for query, message in (("?top_k=0", "top_k = '0'"), ("?stream=true", "needs a response in application/jsonlines")):
        answer = requests.get(server.url + PATH + query, headers=handshake(), timeout=10)
        assert answer.status_code == 400
        assert message in answer.json()["error"]


def handshake(**changed: str) -> dict[str, str]:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    return {**headers, "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==", **changed}


def test_a_bad_frame_is_reported_and_the_stream_continues(server: Server) -> None:
    bad: list[tuple[bytes | str, str]] = [
        (b"no image", "not a readable image"),
        (b"", "not a readable image"),
        ("{", "not JSON"),
        ("[1, 2]", "shape [1, 2]"),
        ('{"b64": "?"}', "not base64"),
        (npy(PIXELS[:2]), "holds 2 images; send one"),
        (npy(np.array([None], object)), "pickle"),
    ]
    good = encoded(PIXELS[0, ..., 0], "PNG")
    with stream(server) as client:
        for message, reason in bad:
            client.send(message)
            assert reason in receive(client)["error"]
            client.send(good)
            same(receive(client), expected(server)[0])


def test_a_message_that_is_too_large_closes_the_stream(server: Server) -> None:
    with stream(server) as client:
        with contextlib.suppress(OSError):  # closed in our face while we still send
            client.send(bytes(7 * 1024 * 1024))
        with pytest.raises(simple_websocket.ConnectionClosed) as closed:
            client.receive(timeout=60)
        assert closed.value.reason == 1009
    assert requests.get(f"{server.url}/ping", timeout=2).status_code == 200


def test_a_silent_stream_stays_and_its_pings_are_answered(server: Server) -> None:
    with stream(server) as idle, stream(server, ping_interval=1.5) as pinging:
        time.sleep(4)  # twice the 2 s that may pass within a request
        assert idle.connected
        assert pinging.connected  # it would have closed without a pong
        for client in (idle, pinging):
            client.send(encoded(PIXELS[0, ..., 0], "PNG"))
            same(receive(client), expected(server)[0])


def test_another_version_of_the_protocol_is_refused(server: Server) -> None:
    answer = requests.get(server.url + PATH, headers=handshake(**{"Sec-WebSocket-Version": "8"}), timeout=10)
    assert answer.status_code == 400
    assert "Sec-WebSocket-Version" in answer.text


@pytest.mark.parametrize("changed", [{}, {"Upgrade": "h2c"}, {"Connection": "keep-alive"}])
def test_an_invalid_handshake_is_reported_in_json(server: Server, changed: dict[str, str]) -> None:
    headers = handshake(**changed) if changed else {}
    answer = requests.get(server.url + PATH, headers=headers, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_streams_are_bounded_and_leave_the_rest_alone(server: Server) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(MOST):
            open_at_last(stack, server)
        refused = requests.get(server.url + PATH, headers=handshake(), timeout=10)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        for _ in range(10):
            assert requests.get(f"{server.url}/ping", timeout=2).status_code == 200
            assert server.post(npy(PIXELS), "application/x-npy").status_code == 200
    with contextlib.ExitStack() as stack:  # their places are free again
        client = open_at_last(stack, server)
        client.send(encoded(PIXELS[0, ..., 0], "PNG"))
        same(receive(client), expected(server)[0])


def open_at_last(stack: contextlib.ExitStack, server: Server) -> simple_websocket.Client:
    """Open a stream; those of before may take a moment to end."""

    def opened() -> simple_websocket.Client | None:
        with contextlib.suppress(simple_websocket.ConnectionError):
            return stack.enter_context(stream(server))
        return None

    client = wait_until(opened, 30, "there is room for a stream")
    assert client
    return client


def test_sigterm_closes_streams_with_1012_within_the_grace(job: Job, image: str | None, tmp_path: Path) -> None:
    with serving(job.base, tmp_path / "log", image) as server, stream(server) as client, stream(server) as idle:
        client.send(encoded(PIXELS[0, ..., 0], "PNG"))
        receive(client)
        assert server.stop() == 0  # within 30 s
        for one in (client, idle):
            with pytest.raises(simple_websocket.ConnectionClosed) as closed:
                one.receive(timeout=10)
            assert closed.value.reason == 1012
        assert "Traceback" not in server.log.read_text()
