"""Two hosts in SageMaker's local mode, where the first that ends ends the other 10 s later; with real containers."""

import subprocess
from pathlib import Path

import pytest

from local_test.platform import engine
from tests.aws.local_mode.sdk import ROOT, command, docker, logged
from tests.aws.local_mode.test_sagemaker_local import description
from tests.conftest import IMAGE
from tests.support.helpers import free_port
from tests.support.waiting import wait_until

_SLOWER_SECONDS = 25
"""Longer than docker compose waits between SIGTERM and SIGKILL: these seconds are what is tested."""


@pytest.mark.engine
@pytest.mark.usefixtures("clean_local_mode")
def test_a_first_host_that_is_25_seconds_slower_still_leaves_its_model(prepared: Path, tmp_path: Path) -> None:
    scratch, log = tmp_path / "scratch", tmp_path / "log"
    scratch.mkdir()
    words, environment = command(
        "v2", "scripts.sagemaker_local", "--image", IMAGE, "--training", prepared / "training", "--samples",
        prepared / "samples", "--output", tmp_path / "out", "--port", free_port(), "--instances", 2, "-p", "epochs=1",
    )  # fmt: skip
    environment |= {"TMPDIR": str(scratch)}
    with log.open("w") as stream:
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=stream, stderr=subprocess.STDOUT)
    try:

        def started() -> str:
            assert process.poll() is None, log.read_text()
            return logged(scratch, "", "algo-1-")

        chief = wait_until(started, 200, "the first host has started", log.read_text)
        follow = [engine.DOCKER, "logs", "--follow", chief]
        with subprocess.Popen(follow, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as following:
            assert following.stdout
            assert any("weights of epoch 1" in line for line in following.stdout), log.read_text()
            docker("pause", chief)  # at once: the first host has its model written three seconds later
            following.kill()
        other = wait_until(
            lambda: logged(scratch, "weights of epoch 1", "algo-2-"), 60, "the second host has trained", log.read_text
        )
        with pytest.raises(subprocess.TimeoutExpired):  # it waits for the first host
            subprocess.run([engine.DOCKER, "wait", other], check=False, capture_output=True, timeout=_SLOWER_SECONDS)
        docker("unpause", chief)
        assert process.wait(200) == 0, log.read_text()
    finally:
        process.terminate()  # nothing, if it has ended
        process.wait(60)
    assert description(tmp_path / "out" / "model.tar.gz")["preset"] == "lenet"
    assert log.read_text().count(".ppm") == 43
