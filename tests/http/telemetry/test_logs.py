"""The log of the real server, line by line, and its formatter by itself."""

import gzip
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from tests.support.helpers import Job, Server, encoded, npy, serving
from tests.support.waiting import wait_until

NPY = "application/x-npy"
PIXELS = np.full((3, 32, 32, 1), 77, np.uint8)
STAGES = {"queue", "read", "decode", "engine", "encode", "total"}


def lines(server: Server) -> list[dict[str, Any]]:
    """The lines of the log; LiteRT's own left out, which each worker writes to stderr in pieces that may mix."""
    text = re.sub(r"INFO: |Created TensorFlow Lite XNNPACK delegate for CPU\.", "", server.log.read_text("ascii"))
    return [json.loads(line) for line in text.splitlines() if line]


def line_of(server: Server, inference_id: str) -> dict[str, Any]:
    """Wait for the line of a request: it is written after the answer is sent."""
    found = wait_until(
        lambda: [line for line in lines(server) if line.get("inference_id") == inference_id],
        30,
        f"the log has a line of {inference_id}",
        lambda: lines(server),
    )
    assert len(found) == 1
    return found[0]


@pytest.fixture(scope="module")
def quiet(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """At the level that is usual."""
    with serving(job.base, tmp_path_factory.mktemp("quiet") / "log") as server:
        yield server


@pytest.fixture(scope="module")
def talkative(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    variables = {"SAGEMAKER_CONTAINER_LOG_LEVEL": "10"}
    with serving(job.base, tmp_path_factory.mktemp("talkative") / "log", environment=variables) as server:
        yield server


only_bare = pytest.mark.parametrize("image", ["bare"], indirect=True)


@only_bare
def test_every_line_is_json_with_time_level_and_process(quiet: Server) -> None:
    assert any(line["message"].startswith("Starting gunicorn") for line in lines(quiet))
    for line in lines(quiet):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["time"])
        assert line["level"] in ("INFO", "WARNING", "ERROR", "CRITICAL")
        assert isinstance(line["process"], int)
        assert line["logger"]


@only_bare
def test_at_the_default_level_only_refused_requests_are_logged(quiet: Server) -> None:
    for _ in range(5):
        assert quiet.post(npy(PIXELS), NPY, **{"X-Amzn-SageMaker-Inference-Id": "good"}).status_code == 200
    assert quiet.post(b"x", NPY, **{"X-Amzn-SageMaker-Inference-Id": "bad"}).status_code == 400
    line = line_of(quiet, "bad")
    assert (line["level"], line["status"], line["request"]) == ("WARNING", 400, "POST /invocations")
    assert "the body is not a .npy file" in line["message"]
    assert (line["bytes_in"], line["images"], line["content_type"]) == (1, 0, NPY)
    assert not [line for line in lines(quiet) if line.get("inference_id") == "good"]


@only_bare
def test_an_incomplete_body_is_logged_too(tmp_path: Path, job: Job) -> None:
    with serving(job.base, tmp_path / "log", environment={"SAGEMAKER_MODEL_SERVER_TIMEOUT": "1"}) as server:
        with socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), 10) as connection:
            connection.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123")
            assert connection.recv(1024).startswith(b"HTTP/1.1 408 ")
        page = requests.get(f"{server.url}/metrics", timeout=5).text
        [line] = [line for line in lines(server) if line.get("status") == 408]
    assert (line["level"], line["request"]) == ("WARNING", "POST /invocations")
    assert 'requests_total{route="invocations",status="408"} 1.0' in page


@only_bare
def test_at_level_10_a_request_has_one_line_with_sizes_and_times(talkative: Server) -> None:
    answer = talkative.post(
        gzip.compress(npy(PIXELS), mtime=0),
        NPY,
        **{
            "Content-Encoding": "gzip",
            "X-Amzn-SageMaker-Inference-Id": "one",
            "X-Amzn-SageMaker-Target-Model": "signs.tar.gz",
            "X-Amzn-SageMaker-Target-Variant": "Shadow",
        },
    )
    assert answer.status_code == 200
    line = line_of(talkative, "one")
    assert (line["level"], line["message"], line["status"], line["images"]) == ("DEBUG", "answered", 200, 3)
    assert (line["target_model"], line["target_variant"], line["content_type"]) == ("signs.tar.gz", "Shadow", NPY)
    assert (line["bytes_in"], line["bytes_out"]) == (len(npy(PIXELS)), len(answer.content))
    times = line["ms"]
    assert times.keys() == STAGES
    assert all(times[stage] > 0 for stage in STAGES - {"queue"})
    assert sum(times[stage] for stage in STAGES - {"total"}) <= times["total"] + 0.01


@only_bare
def test_no_log_line_has_the_content_of_an_image(talkative: Server) -> None:
    secret = b"SECRET-PLATE-HH-AB-1234"
    picture = encoded(np.frombuffer((secret * 45)[:1024], np.uint8).reshape(32, 32), "PPM")
    assert secret in picture
    for body, content_type in (
        (picture, "image/x-portable-graymap"),
        (picture[:-9], "image/x-portable-graymap"),
        (picture, "image/png"),
        (secret, "image/png"),
        (secret, "application/json"),
        (b"[" + secret + b"]", "application/json"),
        (b'{"instances": [{"b64": "%s"}]}' % secret, "application/json"),
        (b'{"instances": [["%s"]]}' % secret, "application/json"),
        (b'{"%s": 1}' % secret, "application/json"),
        (b'"%s"' % secret, "application/json"),
        (b'{"instances": [[1], "%s"]}' % secret, "application/json"),
        (b",".join([secret] * 1024), "text/csv"),
        (
            b'--B\r\nContent-Disposition: form-data; name="%s"\r\n\r\n1\r\n--B--\r\n' % secret,
            "multipart/form-data; boundary=B",
        ),
        (secret + b"\n" + secret, "application/jsonlines"),
        (secret + b",1,2", "text/csv"),
        (secret, NPY),
        (b"\x93NUMPY" + secret, NPY),
        (secret, "application/x-npz"),
        (secret, "multipart/form-data; boundary=B"),
        (b"--B\r\n\r\n" + secret + b"\r\n--B--\r\n", "multipart/form-data; boundary=B"),
        (secret, "text/plain"),
    ):
        talkative.post(body, content_type)
    talkative.post(b"x", NPY, **{"X-Amzn-SageMaker-Inference-Id": "last of them"})
    line_of(talkative, "last of them")
    assert b"SECRET" not in talkative.log.read_bytes()


FORGED = '{"level": "ERROR", "message": "forged"}'


@only_bare
def test_a_client_cannot_forge_a_line(talkative: Server) -> None:
    breaks = ["\r", "\n", "\r\n", "\x85", "\u2028", "\x0b", "\x00", "\x1b[2K"]
    port = int(talkative.url.rsplit(":", 1)[1])
    for number, line_end in enumerate(breaks):
        text = f"id-{number}{line_end}{FORGED}{line_end}"
        path = "/" + text.replace("\r", "%0d").replace("\n", "%0a").replace(" ", "%20").replace("\x00", "%00")
        request = (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nX-Amzn-SageMaker-Inference-Id: {text}\r\nContent-Type: {text}\r\n"
            "Content-Length: 0\r\nConnection: close\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", port), 10) as connection:
            connection.sendall(request.encode("utf-8"))
            assert connection.recv(65536).startswith(b"HTTP/1.1 4")
    long = {"X-Amzn-SageMaker-Inference-Id": "i" * 5_000, "X-Amzn-SageMaker-Target-Model": "m" * 5_000}
    talkative.post(b"", NPY, **long)
    assert len(line_of(talkative, "i" * 64)["target_model"]) == 256
    for line in lines(talkative):  # each is JSON by itself
        assert line["message"] != "forged"
        assert line["time"]


def test_a_server_that_does_not_start_says_so_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    for variables, reason in (
        ({}, "serve: no model in"),
        ({"SAGEMAKER_CONTAINER_LOG_LEVEL": "loud"}, "serve: SAGEMAKER_CONTAINER_LOG_LEVEL = 'loud'; expected"),
    ):
        with pytest.raises(AssertionError), serving(tmp_path, tmp_path / "log", environment=variables):
            pass
        told = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
        assert [line["level"] for line in told if line["message"].startswith(reason)] == ["CRITICAL"]
