"""Answers that are sent while they are computed, bare and in the container."""

import json
import time
from collections.abc import Iterator

import numpy as np
import pytest
import requests

from tests.support.helpers import Job, Server, npy, serving

PIXELS = np.random.default_rng(1).integers(0, 256, (10_000, 32, 32, 1), dtype=np.uint8)
NPY, LINES = "application/x-npy", "application/jsonlines"
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


@pytest.fixture(scope="module")
def server(job: Job, image: str | None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    variables = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    with serving(job.base, tmp_path_factory.mktemp("server") / "log", image, variables) as server:
        yield server


def ask(server: Server, body: bytes, attributes: str = "stream=true", accept: str = LINES) -> requests.Response:
    headers = {"Content-Type": NPY, "Accept": accept, ATTRIBUTES: attributes}
    return requests.post(f"{server.url}/invocations", data=body, headers=headers, timeout=60, stream=True)


def test_the_first_line_is_there_long_before_the_last(server: Server) -> None:
    started = time.monotonic()
    answer = ask(server, npy(PIXELS))
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, LINES)
    assert answer.headers["Transfer-Encoding"] == "chunked"
    lines = answer.iter_lines()
    received = [next(lines)]
    first = time.monotonic() - started
    received += lines
    assert first < 0.7 * (time.monotonic() - started)  # 1 of 157 batches, and the way there
    assert received == server.post(npy(PIXELS), NPY, Accept=LINES).content.splitlines()
    assert len(received) == len(PIXELS)


def test_a_small_answer_may_be_streamed_too(server: Server) -> None:
    lines = ask(server, npy(PIXELS[:3]), "stream=true, top_k=2").content.splitlines()
    assert [len(json.loads(line)["top_k"]) for line in lines] == [2] * 3
    assert "Content-Length" in ask(server, npy(PIXELS[:3]), "stream=false").headers


def test_each_line_has_the_pixels_of_its_own_image(server: Server) -> None:
    lines = ask(server, npy(PIXELS[:300]), "stream=true,pixels=true").iter_lines()
    assert [json.loads(line)["pixels"] for line in lines] == PIXELS[:300, ..., 0].tolist()


@pytest.mark.parametrize(
    ("body", "attributes", "accept", "message"),
    [
        (npy(PIXELS[:1]), "stream=true", "application/json", "needs a response in application/jsonlines"),
        (npy(PIXELS[:1]), "stream=true", "text/csv", "stream = 'true' needs a response in"),
        (npy(PIXELS[:1]), "stream=yes", LINES, "stream = 'yes'; expected true or false"),
        (npy(PIXELS[:1]), "Stream=true", LINES, "did you mean stream?"),
        (npy(PIXELS[:1, :8]), "stream=true", LINES, "shape [1, 8, 32, 1]"),
    ],
)
def test_an_answer_that_cannot_be_streamed_gets_a_status(
    server: Server, body: bytes, attributes: str, accept: str, message: str
) -> None:
    answer = ask(server, body, attributes, accept)
    assert answer.status_code == 400
    assert message in answer.json()["error"]


def test_attributes_that_begin_with_stream_are_left_alone(server: Server) -> None:
    assert ask(server, npy(PIXELS[:1]), "stream_id=7, streaming=4").status_code == 200
