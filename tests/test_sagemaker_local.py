"""SageMaker's own local mode, by its SDK version 2 in an environment of its own, with real containers."""

import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import IMAGE
from tests.helpers import free_port

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("nothing_stays")]
ROOT = Path(__file__).resolve().parent.parent


def run(sdk: str, module: str, *options: object) -> "subprocess.CompletedProcess[str]":
    python = ROOT / f".venv-sdk-{sdk}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no environment for the SDK: make .venv-sdk-{sdk}/installed")
    words = [str(word) for word in (python, "-m", module, "--image", IMAGE, *options)]
    # no credentials, no region: local mode must not need them
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["COLUMNS"] = "120"
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)


def round_trip(prepared: Path, output: Path, *options: object) -> "subprocess.CompletedProcess[str]":
    return run(
        "v2", "scripts.sagemaker_local", "--training", prepared / "training", "--samples", prepared / "samples",
        "--output", output, "--port", free_port(), *options,
    )  # fmt: skip


def description(archive: Path) -> dict[str, Any]:
    with tarfile.open(archive) as packed:
        stream = packed.extractfile("artifact.json")
        assert stream
        content: dict[str, Any] = json.loads(stream.read())
        return content


@pytest.mark.parametrize("hosts", [1, 2])
def test_train_deploy_predict_delete(prepared: Path, tmp_path: Path, hosts: int) -> None:
    done = round_trip(prepared, tmp_path / "out", "--instances", hosts, "-p", "epochs=1", "-p", "preset=lenet")
    assert done.returncode == 0, done.stdout + done.stderr
    assert description(tmp_path / "out" / "model.tar.gz")["preset"] == "lenet"
    assert done.stdout.count("epoch 1 of 1") == 1
    assert done.stdout.count(f"{hosts} replicas on {hosts} hosts") == hosts
    assert sum(".ppm" in line for line in done.stdout.splitlines()) == 43


def test_a_program_of_ones_own(prepared: Path, tmp_path: Path) -> None:
    program = Path(__file__).parent / "own_program.py"
    done = round_trip(prepared, tmp_path / "out", "--entry-point", program, "-p", "epochs=1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert description(tmp_path / "out" / "model.tar.gz")["preset"] == "mine"
    assert sum(".ppm" in line for line in done.stdout.splitlines()) == 43


def test_a_job_that_fails_on_two_hosts_ends_on_both(prepared: Path, tmp_path: Path) -> None:
    done = round_trip(prepared, tmp_path / "out", "--instances", 2, "-p", "epochs=many")
    assert done.returncode == 2
    assert "Error: the training job failed: " in done.stderr
    assert "hyperparameter epochs = 'many'" in done.stdout
