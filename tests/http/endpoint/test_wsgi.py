"""The Flask application under a plain WSGI server answers as the asynchronous server does, byte for byte."""

import gzip
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from tests.support.bodies import CSV, JSON, LINES, NPY, PIXELS
from tests.support.helpers import Job, Server, free_port, instances, npy, serving
from tests.support.mutations import ATTRIBUTES, BODIES, HEADERS, PICTURES, mutated
from tests.support.waiting import wait_until

pytestmark = pytest.mark.parametrize("image", ["bare"], indirect=True)
APPLICATION = """
from traffic_signs.paths import OptMl
from traffic_signs.serving.app import create_app
from traffic_signs.settings.serving import ServingSettings

application = create_app(OptMl.from_environment(), ServingSettings.from_environment())
"""
OF_THE_SERVER = {"date", "server", "connection", "keep-alive", "transfer-encoding"}
Request = tuple[str, str, bytes, dict[str, str]]


@pytest.fixture(scope="module")
def asynchronous(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    variables = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "1"}
    with serving(job.base, tmp_path_factory.mktemp("asgi") / "log", None, variables) as server:
        yield server


@pytest.fixture(scope="module")
def plain(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """gunicorn's own threaded worker; its URL."""
    folder = tmp_path_factory.mktemp("wsgi")
    (folder / "application.py").write_text(APPLICATION)
    port = free_port()
    words = [sys.executable, "-m", "gunicorn", "--worker-class", "gthread", "--threads", "2", "--no-control-socket",
             "--bind", f"127.0.0.1:{port}", "application:application"]  # fmt: skip
    variables = {"SAGEMAKER_BASE_DIR": str(job.base), "SAGEMAKER_MAX_PAYLOAD_IN_MB": "1", "PYTHONPATH": str(folder)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, cwd=folder, env=variables, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/ping", folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(40)


def wait_for(url: str, log: Path) -> None:
    def answered() -> bool:
        try:
            assert requests.get(url, timeout=2).status_code == 200
        except requests.ConnectionError:
            return False
        return True

    wait_until(answered, 60, "gunicorn has started", log.read_text)


def answer(url: str, request: Request, *, chunked: bool) -> tuple[int, dict[str, str], bytes]:
    method, path, body, headers = request
    pieces = [body[start : start + 1000] for start in range(0, len(body), 1000)]
    content: Any = iter(pieces) if chunked else body
    found = requests.request(method, url + path, data=content, headers=headers, timeout=60)
    kept = {key.lower(): value for key, value in found.headers.items() if key.lower() not in OF_THE_SERVER}
    if found.headers.get("Transfer-Encoding") == "chunked":
        kept.pop("content-length", None)
    return found.status_code, kept, found.content


def good_and_bad() -> list[Request]:
    chance = random.Random(7)  # noqa: S311 - the same bytes in every run
    found: list[Request] = []
    for body, content_type in BODIES + PICTURES:
        for accept in (JSON, LINES, CSV, NPY, "text/html"):
            headers = {"Content-Type": content_type, "Accept": accept}
            found += [("POST", "/invocations", body, headers)]
        packed = {"Content-Type": content_type, "Content-Encoding": "gzip"}
        found.append(("POST", "/invocations/", gzip.compress(body, mtime=0), packed))
        found += [("POST", "/invocations", mutated(chance, body), {"Content-Type": content_type}) for _ in range(12)]
    for name, values in HEADERS:
        for value in values:
            found.append(("POST", "/invocations", npy(PIXELS), {"Content-Type": NPY, name: value}))
    for attributes in (
        "top_k=3",
        "top_k=44",
        "trace=7; probabilities=false",
        "pixels=true",
        "stream=true",
        "Stream=true",
    ):
        headers = {"Content-Type": NPY, "Accept": LINES, ATTRIBUTES: attributes}
        found.append(("POST", "/invocations", npy(np.repeat(PIXELS, 50, axis=0)), headers))
    found += [
        ("POST", "/invocations", b"", {"Content-Type": JSON}),
        ("POST", "/invocations", instances(PIXELS), {}),
        ("POST", "/invocations", bytes(2**20), {"Content-Type": NPY}),
        ("POST", "/invocations", bytes(2**20 + 1), {"Content-Type": NPY}),
        ("POST", "/invocations", b"x", {"Content-Type": "text/html"}),
        ("POST", "/ping", b"x", {}),
        *((method, path, b"", {}) for method in ("GET", "PUT") for path in ("/ping", "/invocations", "/", "/ping/")),
        *((method, "/openapi.json", b"", {}) for method in ("GET", "HEAD", "POST")),
        ("GET", "/invocations-bidirectional-stream", b"", {}),
        ("POST", "/models/x/invoke", npy(PIXELS), {"Content-Type": NPY}),
    ]
    return found


@pytest.mark.parametrize("chunked", [False, True])
def test_every_answer_is_the_same_by_either_server(asynchronous: Server, plain: str, *, chunked: bool) -> None:
    statuses = set()
    requests_sent = good_and_bad()
    assert len(requests_sent) > 300
    for request in requests_sent:
        one, other = (answer(url, request, chunked=chunked) for url in (asynchronous.url, plain))
        assert one == other, request
        statuses.add(one[0])
    assert statuses == {200, 400, 404, 405, 406, 413, 415}
