"""The image under the limits of each kind of hosting, set on the container: serverless, async, no network.

Sources: "Serverless Inference" and its "Troubleshooting", "Asynchronous inference", "Run Training and Inference
Containers in Internet-Free Mode" in the developer guide.
"""

import http.client
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests

from local_test.platform import container, engine
from tests.conftest import IMAGE
from tests.support.helpers import Job, Server, free_port, instances, npy, run_job, serving
from tests.support.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.parametrize("image", ["container"], indirect=True)]
JSON, NPY = "application/json", "application/x-npy"
PIXELS = np.random.default_rng(1).integers(0, 256, (4, 32, 32, 1), dtype=np.uint8)
GIGABYTE = ["--memory", "1g", "--memory-swap", "1g"]
# one place to write, a user without rights, and, as Lambda is below it, no /dev/shm
SERVERLESS = [*GIGABYTE, "--read-only", "--tmpfs", "/tmp", "--user", "993:990", "--ipc", "none"]  # noqa: S108 # in it


def docker(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([engine.DOCKER, *words], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def serverless(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The smallest memory there is, a root file system that is read-only, /tmp, one worker."""
    variables = {"SAGEMAKER_MODEL_SERVER_WORKERS": "1", "SAGEMAKER_MAX_PAYLOAD_IN_MB": "4"}
    log = tmp_path_factory.mktemp("serverless") / "log"
    with serving(job.base, log, IMAGE, variables, SERVERLESS) as server:  # up within 60 s, of the 180 that it may take
        yield server


def test_serverless_answers_its_largest_payload_and_refuses_more(serverless: Server) -> None:
    largest = np.zeros((4 * 1024 - 1, 32, 32, 1), np.uint8)
    for body, content_type, number in (
        (npy(largest), NPY, len(largest)),
        (instances(PIXELS), JSON, len(PIXELS)),
        (instances(largest[:1250, ..., 0]), JSON, 1250),
    ):
        assert len(body) <= 4 * 1024 * 1024
        answer = serverless.post(body, content_type)
        assert answer.status_code == 200
        assert len(answer.json()["predictions"]) == number
    assert serverless.post(bytes(4 * 1024 * 1024 + 1), NPY).status_code == 413
    assert requests.get(f"{serverless.url}/ping", timeout=2).status_code == 200


def test_serverless_has_what_was_set_and_writes_nothing(serverless: Server) -> None:
    assert serverless.post(npy(PIXELS), NPY).status_code == 200
    name = str(serverless.command.container)
    assert docker("exec", name, "touch", "/opt/program/x").returncode != 0
    host = json.loads(docker("inspect", name).stdout)[0]["HostConfig"]
    assert (host["Memory"], host["ReadonlyRootfs"]) == (2**30, True)
    assert docker("exec", name, "find", "/tmp", "-type", "f").stdout == ""  # noqa: S108 # as above
    assert "workers=1" in serverless.log.read_text()


def test_serverless_stops_within_its_time(job: Job, tmp_path: Path) -> None:
    with serving(job.base, tmp_path / "log", IMAGE, options=SERVERLESS) as server:
        assert server.stop() == 0


@pytest.fixture(scope="module")
def later(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The largest body and the longest patience of an asynchronous endpoint, with little memory."""
    variables = {
        "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "1024",
        "SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600",
    }
    with serving(job.base, tmp_path_factory.mktemp("later") / "log", IMAGE, variables, GIGABYTE) as server:
        yield server


def test_async_takes_100_mb_in_a_gigabyte_of_memory(later: Server) -> None:
    number = 100_000
    body = npy(np.zeros((number, 32, 32, 1), np.uint8))
    headers = {"Content-Type": NPY, "Accept": "application/jsonlines"}
    answer = requests.post(f"{later.url}/invocations", data=body, headers=headers, timeout=600)
    assert answer.status_code == 200
    assert answer.content.count(b"\n") == number
    state = json.loads(docker("inspect", str(later.command.container)).stdout)[0]["State"]
    assert not state["OOMKilled"]
    assert "was sent SIGKILL" not in later.log.read_text()  # a worker that the kernel took instead


def test_async_refuses_more_than_a_gigabyte_before_it_is_sent(later: Server) -> None:
    connection = http.client.HTTPConnection(later.url.removeprefix("http://"), timeout=30)
    connection.putrequest("POST", "/invocations")
    connection.putheader("Content-Type", NPY)
    connection.putheader("Content-Length", str(1024**3 + 1))
    connection.endheaders(bytes(64 * 1024))
    assert connection.getresponse().status == 413
    connection.close()


def test_async_a_request_may_take_longer_than_the_servers_timeout(job: Job, tmp_path: Path) -> None:
    shutil.copytree(job.base / "model", tmp_path / "model")
    (tmp_path / "model" / "code").mkdir()
    # each prediction takes longer than the 3 s of the timeout
    slow = "import time\n\n\ndef predict_fn(data, model):\n    time.sleep(7)\n    return model.predict(data)\n"
    (tmp_path / "model" / "code" / "inference.py").write_text(slow)
    variables = {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "3", "SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
    with serving(tmp_path, tmp_path / "log", IMAGE, variables) as server:
        assert server.post(npy(PIXELS), NPY).status_code == 200
        assert "WORKER TIMEOUT" not in server.log.read_text()


def test_without_a_network_a_model_is_trained_and_served(image: str, prepared: Path, tmp_path: Path) -> None:
    channels = {"training": prepared / "training", "validation": prepared / "validation"}
    alone = ["--network", "none"]
    job = run_job(tmp_path, channels, {"epochs": 1, "preset": "lenet"}, image=image, options=alone)
    assert job.code == 0, job.log
    command = container.serving_program(image, job.base, free_port())
    isolated = container.Program([*command.command[:2], *alone, *command.command[2:]], {}, command.container)
    name = str(command.container)
    ask = "import urllib.request as u; print(u.urlopen(u.Request('http://127.0.0.1:8080{}', {})).read().decode())"
    values = instances(PIXELS[:1]).decode()
    with (tmp_path / "serve.log").open("wb") as log:
        process = isolated.start(log)
        try:

            def answered() -> bool:
                assert process.poll() is None, (tmp_path / "serve.log").read_text()
                return docker("exec", name, "python", "-c", ask.format("/ping", None)).returncode == 0

            wait_until(answered, 120, "/ping answers 200", (tmp_path / "serve.log").read_text)
            request = f"b'{values}', {{'Content-Type': '{JSON}'}}"
            answer = docker("exec", name, "python", "-c", ask.format("/invocations", request))
            assert len(json.loads(answer.stdout)["predictions"]) == 1
            assert docker("exec", name, "ls", "/sys/class/net").stdout.split() == ["lo"]
        finally:
            assert isolated.stop(process, 30) == 0
