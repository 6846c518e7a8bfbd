"""Inference pipelines, bare and in containers: two in a row, each on a port of its own; the test is the platform.

The containers of a pipeline share a network and are told their ports, and what one answers, body and content type,
is the request of the next. Source: "Run Real-time Predictions with an Inference Pipeline" in the developer guide.
"""

import contextlib
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import requests

from local_test.platform.engine import DOCKER
from tests.support.helpers import Job, Server, encoded, free_port, instances, serving
from tests.support.waiting import wait_until

STEP = Path(__file__).with_name("step.py")
PIXELS = np.random.default_rng(1).integers(0, 256, (50, 70, 3), dtype=np.uint8)
PICTURE = encoded(PIXELS, "PNG")
JSON, CSV = "application/json", "text/csv"


@contextlib.contextmanager
def step(kind: str, image: str | None) -> Iterator[str]:
    """Run the other container; its URL."""
    port, name = free_port(), f"pipeline-{uuid.uuid4().hex[:8]}"
    command = [sys.executable, str(STEP)]
    if image:
        run = [DOCKER, "run", "--rm", "--name", name, "--network", "host", "--volume", f"{STEP}:/step.py:ro"]
        command = [*run, image, "python", "/step.py"]
    process = subprocess.Popen([*command, str(port), kind])
    try:
        wait_for(f"http://127.0.0.1:{port}/ping")
        yield f"http://127.0.0.1:{port}"
    finally:
        if image:
            subprocess.run([DOCKER, "kill", name], check=False, capture_output=True)
        process.terminate()
        process.wait(30)


def wait_for(url: str) -> None:
    def answered() -> bool:
        with contextlib.suppress(requests.RequestException):
            return requests.get(url, timeout=2).status_code == 200
        return False

    wait_until(answered, 60, f"{url} answers 200")


@contextlib.contextmanager
def ours(job: Job, image: str | None, log: Path, **variables: str) -> Iterator[Server]:
    bind = {"SAGEMAKER_BIND_TO_PORT": str(free_port()), "SAGEMAKER_SAFE_PORT_RANGE": "21000-21999"}
    with serving(job.base, log, image, bind | variables, ("--network", "host")) as server:
        assert server.url.endswith(":" + bind["SAGEMAKER_BIND_TO_PORT"])
        yield server


def through(urls: Sequence[str], body: bytes, content_type: str, **headers: str) -> requests.Response:
    """Do what the platform does: hand on body and content type from container to container."""
    for url in urls:
        sent = {"Content-Type": content_type, **headers}
        answer = requests.post(f"{url}/invocations", data=body, headers=sent, timeout=60)
        assert answer.status_code == 200, answer.text
        body, content_type = answer.content, answer.headers["Content-Type"]
    return answer


@pytest.mark.parametrize("kind", [JSON, CSV])
def test_ours_comes_last(job: Job, image: str | None, tmp_path: Path, kind: str) -> None:
    with step("before", image) as first, ours(job, image, tmp_path / "log") as last:
        prepared = requests.post(f"{first}/invocations", data=PICTURE, headers={"Accept": kind}, timeout=60)
        assert prepared.headers["Content-Type"] == kind
        answer = through([last.url], prepared.content, prepared.headers["Content-Type"])
        (prediction,) = answer.json()["predictions"]
        assert len(prediction["probabilities"]) == 43
        if kind == JSON:  # and the same through both at once
            assert through([first, last.url], PICTURE, "image/png").json() == answer.json()


@pytest.mark.parametrize("kind", [JSON, CSV])
def test_ours_comes_first(job: Job, image: str | None, tmp_path: Path, kind: str) -> None:
    variables = {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": kind}
    with ours(job, image, tmp_path / "log", **variables) as first, step("after", image) as last:
        handed_on = first.post(PICTURE, "image/png")
        assert handed_on.headers["Content-Type"].partition(";")[0] == kind
        assert first.post(PICTURE, "image/png", Accept="*/*").content == handed_on.content
        class_id = first.post(PICTURE, "image/png", Accept=JSON).json()["predictions"][0]["class_id"]
        answer = through([first.url, last], PICTURE, "image/png")
        assert answer.text == ("right" if class_id % 2 else "left")
        three = np.zeros((3, 32, 32), np.uint8)
        assert len(through([first.url, last], instances(three), JSON).text.splitlines()) == 3


def test_two_endpoints_on_one_network_do_not_disturb_each_other(
    job: Job, small_job: Job, image: str | None, tmp_path: Path
) -> None:
    with ours(job, image, tmp_path / "one") as one, ours(small_job, image, tmp_path / "two") as two:
        found = [server.post(PICTURE, "image/png").json()["predictions"][0] for server in (one, two)]
        assert [len(prediction["probabilities"]) for prediction in found] == [43, 3]


def test_no_other_port_is_listened_on(job: Job, image: str | None, tmp_path: Path) -> None:
    with ours(job, image, tmp_path / "log") as server:
        assert server.post(PICTURE, "image/png").status_code == 200
        assert listening(server) == {int(server.url.rsplit(":", 1)[1])}


def listening(server: Server) -> set[int]:
    """Return every port on which a process of *server* listens or, by UDP, receives."""
    script = """
import os, pathlib, sys
pids = sys.argv[1:] or [name for name in os.listdir("/proc") if name.isdigit()]
links = {os.readlink(link) for pid in pids for link in pathlib.Path(f"/proc/{pid}/fd").glob("*") if link.is_symlink()}
for kind, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
    for line in pathlib.Path(f"/proc/self/net/{kind}").read_text().splitlines()[1:]:
        words = line.split()
        if words[3] == state and f"socket:[{words[9]}]" in links:
            print(int(words[1].split(":")[1], 16))
"""
    if server.command.container:
        command = [DOCKER, "exec", server.command.container, "python", "-c", script]
    else:
        pids = [server.process.pid, *server.workers()]
        command = [sys.executable, "-c", script, *map(str, pids)]
    return {int(word) for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()}
