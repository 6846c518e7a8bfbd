"""The hosting contract, bare and in the container: a port, signals and exit codes, nothing else.

Source: "Use Your Own Inference Code with Hosting Services" in the developer guide.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import requests

from tests.support.helpers import Job, Server, encoded, instances, npy, refused_start, serving

PIXELS = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 1), dtype=np.uint8)
JSON, NPY = "application/json", "application/x-npy"


@pytest.fixture(scope="module")
def server(job: Job, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(job.base, tmp_path_factory.mktemp("server") / "log", image) as server:
        yield server


@pytest.mark.parametrize("path", ["/ping", "/ping/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_ping_is_200_and_empty(server: Server, method: str, path: str) -> None:
    answer = requests.request(method, server.url + path, timeout=2)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (instances(PIXELS), JSON),
        (instances(PIXELS), f"{JSON}; charset=utf-8"),
        (npy(PIXELS), NPY),
        (encoded(PIXELS[0, :, :, 0], "PNG"), "image/png"),
        (encoded(PIXELS[0, :, :, 0], "JPEG"), "image/jpeg"),
        (encoded(PIXELS[0, :, :, 0], "PPM"), "image/x-portable-graymap"),
        (encoded(np.zeros((300, 200, 3), np.uint8), "PPM"), "image/x-portable-pixmap"),
    ],
)
def test_every_format_is_answered(server: Server, body: bytes, content_type: str) -> None:
    answer = server.post(body, content_type)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == JSON
    predictions = answer.json()["predictions"]
    assert len(predictions) == (1 if content_type.startswith("image/") else 4)
    for prediction in predictions:
        assert len(prediction["probabilities"]) == 43
        assert prediction["probability"] == max(prediction["probabilities"])
        assert prediction["probabilities"][prediction["class_id"]] == prediction["probability"]
        assert isinstance(prediction["name"], str)


def test_the_form_of_the_request_does_not_change_the_answer(server: Server) -> None:
    by_json = server.post(instances(PIXELS), JSON).json()["predictions"]
    by_npy = server.post(npy(PIXELS), NPY).json()["predictions"]
    one_by_one = [server.post(encoded(image[..., 0], "PNG"), "image/png").json()["predictions"][0] for image in PIXELS]
    assert by_json == by_npy
    for alone, together in zip(one_by_one, by_npy, strict=True):
        np.testing.assert_allclose(alone["probabilities"], together["probabilities"], atol=1e-6)


def test_tensorflow_gives_the_same_answers_to_requests_that_it_joins(
    job: Job, image: str | None, server: Server, tmp_path: Path
) -> None:
    bodies = [npy(np.roll(PIXELS, turn, axis=1)[: 1 + turn % 4]) for turn in range(24)]
    with serving(job.base, tmp_path / "log", image, {"SERVING_ENGINE": "tensorflow"}) as other:
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda body: other.post(body, NPY).json()["predictions"], bodies))
        assert "engine='tensorflow'" in other.log.read_text()
    for body, answer in zip(bodies, answers, strict=True):
        expected = server.post(body, NPY).json()["predictions"]
        assert len(answer) == len(expected)
        for one, two in zip(answer, expected, strict=True):
            np.testing.assert_allclose(one["probabilities"], two["probabilities"], atol=1e-4)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "message"),
    [
        (b"", JSON, 400, "the body is empty"),
        (b"{", JSON, 400, "not JSON"),
        (instances(np.zeros((1, 8, 8))), JSON, 400, "shape [1, 8, 8]"),
        (instances(np.full((1, 32, 32), 0.1)), JSON, 400, "whole numbers from 0 to 255"),
        (npy(np.array([None], object)), NPY, 400, "pickle"),
        (b"GIF89a", "image/gif", 400, "not a readable image"),
        (b"P5\n8000 8000\n255\n", "image/x-portable-graymap", 400, "8000 x 8000 pixels"),
        (b"a=b", "application/x-www-form-urlencoded", 415, "Content-Type application/x-www-form-urlencoded"),
        (b"1,2", "text/csv", 400, "line 1 has 2 values"),
        (b"<p>", "text/html", 415, "send application/json"),
    ],
)
def test_a_bad_request_is_reported_in_json(
    server: Server, body: bytes, content_type: str, status: int, message: str
) -> None:
    answer = server.post(body, content_type)
    assert answer.status_code == status
    assert message in answer.json()["error"]
    assert len(answer.content) < 1024
    assert b"Traceback" not in answer.content


def test_a_format_that_is_not_offered_gets_406(server: Server) -> None:
    answer = server.post(instances(PIXELS), JSON, Accept="application/xml")
    assert answer.status_code == 406
    assert "is not supported; accept application/json" in answer.json()["error"]
    for accept in ("*/*", "application/json;q=0.5, text/csv", "application/*"):
        assert server.post(instances(PIXELS), JSON, Accept=accept).status_code == 200


@pytest.mark.parametrize(("path", "method", "status"), [("/invocations", "GET", 405), ("/", "GET", 404)])
def test_other_routes_and_methods_are_told_in_json(server: Server, path: str, method: str, status: int) -> None:
    answer = requests.request(method, server.url + path, timeout=5)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert ("POST" in answer.headers.get("Allow", "")) == (status == 405)


def test_24_mb_are_taken_and_26_refused(server: Server) -> None:
    many = np.zeros((24_000, 32, 32, 1), np.uint8)
    assert len(server.post(npy(many), NPY).json()["predictions"]) == 24_000
    refused = server.post(bytes(26 * 1024 * 1024 + 1), NPY)
    assert refused.status_code == 413
    assert refused.json()["error"] == "the body is larger than 25 MB (SAGEMAKER_MAX_PAYLOAD_IN_MB)"
    # the rest of it is read and thrown away: its client sees the answer, and may go on
    assert server.post(npy(PIXELS), NPY).status_code == 200


def test_a_body_without_a_length_is_limited_too(server: Server) -> None:
    body = npy(PIXELS)
    assert server.post(iter([body[:100], body[100:]]), NPY).status_code == 200
    try:
        status = server.post((bytes(1024 * 1024) for _ in range(40)), NPY).status_code
    except requests.ConnectionError:
        status = 413  # closed in our face while we still sent
    assert status == 413
    assert requests.get(f"{server.url}/ping", timeout=2).status_code == 200


def test_a_false_length_blocks_no_worker(server: Server) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    lines = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: {NPY}\r\nContent-Length: 999\r\n\r\nshort"
    for _ in range(8):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(lines.encode())
    assert server.post(npy(PIXELS), NPY).status_code == 200


@pytest.mark.parametrize("chunks", [b"g\r\n", b"5\r\nhelloworld\r\n", b"0\r\nnonsense\r\n\r\n", b"5 \r\nhello\r\n"])
def test_broken_chunks_are_a_bad_request(server: Server, chunks: bytes) -> None:
    port = int(server.url.rsplit(":", 1)[1])
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: {NPY}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(head.encode() + chunks)
        assert connection.recv(1024).startswith(b"HTTP/1.1 400 ")


def test_a_body_that_is_held_back_is_asked_for_once(server: Server) -> None:
    body = npy(PIXELS)
    head = f"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Type: {NPY}\r\nContent-Length: {len(body)}\r\n"
    with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), 10) as connection:
        connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(1024).startswith(b"HTTP/1.1 200 ")


def test_a_refused_request_with_a_large_body_leaves_its_connection_usable(server: Server) -> None:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=10)
    body = npy(np.zeros((1_000, 32, 32), np.uint8))
    with contextlib.closing(connection):
        for accept, status in (("application/xml", 406), ("text/csv", 200)):
            connection.request("POST", "/invocations", body, {"Content-Type": NPY, "Accept": accept})
            connection.auto_open = 0  # the second goes the same way or fails
            answer = connection.getresponse()
            assert (answer.status, bool(answer.read())) == (status, True)


def test_a_client_cannot_move_the_paths(server: Server) -> None:
    assert requests.get(f"{server.url}/ping", headers={"SCRIPT_NAME": "/x"}, timeout=2).status_code < 500


def test_ping_answers_within_its_2_seconds_under_load(server: Server) -> None:
    large = npy(np.zeros((5_000, 32, 32, 1), np.uint8))
    with ThreadPoolExecutor(4) as pool:
        busy = [pool.submit(server.post, large, NPY) for _ in range(12)]
        pings = [requests.get(f"{server.url}/ping", timeout=2).status_code for _ in range(20)]
        assert [answer.result().status_code for answer in busy] == [200] * 12
    assert pings == [200] * 20


def test_the_model_directory_is_not_written_to(job: Job, server: Server) -> None:
    before = {path: path.stat().st_mtime_ns for path in (job.base / "model").iterdir()}
    assert server.post(npy(PIXELS), NPY).status_code == 200
    assert before == {path: path.stat().st_mtime_ns for path in (job.base / "model").iterdir()}


def test_sigterm_finishes_what_is_in_flight_and_exits_0(job: Job, image: str | None, tmp_path: Path) -> None:
    with serving(job.base, tmp_path / "log", image) as server, ThreadPoolExecutor() as pool:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=60)
        with contextlib.closing(connection):
            connection.request(
                "POST", "/invocations", npy(np.zeros((24_000, 32, 32, 1), np.uint8)), {"Content-Type": NPY}
            )
            stopped = pool.submit(server.stop)
            answer = connection.getresponse()
            assert (answer.status, len(json.load(answer)["predictions"])) == (200, 24_000)
        assert stopped.result() == 0


def test_no_model_ends_the_server_with_the_reason(image: str | None, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    text = refused_start(tmp_path, image)
    assert "serve: no model in " in text
    assert "artifact.json is missing (found nothing)" in text
    assert "Traceback" not in text


def test_a_damaged_model_ends_the_server_with_the_reason(job: Job, image: str | None, tmp_path: Path) -> None:
    shutil.copytree(job.base / "model", tmp_path / "model")
    (tmp_path / "model" / "model.tflite").write_bytes(b"damaged")
    text = refused_start(tmp_path, image)
    assert "is damaged: the checksum of model.tflite does not match" in text
    assert "Traceback" not in text


def test_a_model_of_another_version_ends_the_server_with_the_reason(
    job: Job, image: str | None, tmp_path: Path
) -> None:
    shutil.copytree(job.base / "model", tmp_path / "model")
    path = tmp_path / "model" / "artifact.json"
    path.write_text(path.read_text().replace('"format": 2', '"format": 99'))
    assert "has format 99, but this image reads format 2" in refused_start(tmp_path, image)


def test_a_wrong_variable_ends_the_server_with_its_name(job: Job, image: str | None, tmp_path: Path) -> None:
    shutil.copytree(job.base / "model", tmp_path / "model")
    text = refused_start(tmp_path, image, "SAGEMAKER_MODEL_SERVER_WORKERS=many")
    assert "serve: SAGEMAKER_MODEL_SERVER_WORKERS = 'many'; expected a whole number" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("image", ["bare"], indirect=True)
def test_sigterm_answers_every_client_that_has_connected(job: Job, tmp_path: Path) -> None:
    with (
        serving(job.base, tmp_path / "log", environment={"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}) as server,
        contextlib.ExitStack() as stack,
    ):
        [worker] = server.workers()
        os.kill(worker, signal.SIGSTOP)
        address = ("127.0.0.1", int(server.url.rsplit(":", 1)[1]))
        connections = [stack.enter_context(socket.create_connection(address, 10)) for _ in range(40)]
        for connection in connections:
            connection.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        server.process.send_signal(signal.SIGTERM)
        os.kill(worker, signal.SIGCONT)
        assert [connection.recv(1024)[:13] for connection in connections] == [b"HTTP/1.1 200 "] * 40
        assert server.stop() == 0
