"""SageMaker's local mode with SDK version 3 in its own environment, with real containers."""

import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.aws.local_mode.sdk import run
from tests.aws.local_mode.test_sagemaker_local import description
from tests.support.helpers import free_port

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("clean_local_mode")]


def train_and_predict(prepared: Path, output: Path, epochs: str) -> "subprocess.CompletedProcess[str]":
    return run(
        "v3", "scripts.sdk_v3", "--training", prepared / "training", "--samples", prepared / "samples",
        "--output", output, "--port", free_port(), "-p", f"epochs={epochs}",
    )  # fmt: skip


def test_train_build_predict_delete(prepared: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "out" / "model" / "earlier"  # where the SDK would look for it
    earlier.parent.mkdir(parents=True)
    earlier.touch()
    done = train_and_predict(prepared, tmp_path / "out", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert description(tmp_path / "out" / "model.tar.gz")["preset"] == "lenet"
    with tarfile.open(tmp_path / "out" / "model.tar.gz") as packed:
        assert not [name for name in packed.getnames() if "earlier" in name]
    assert earlier.exists()
    assert sum(".ppm" in line for line in done.stdout.splitlines()) == 43
    assert "Exception" not in done.stderr


def test_a_job_that_fails_ends_the_command(prepared: Path, tmp_path: Path) -> None:
    done = train_and_predict(prepared, tmp_path / "out", "many")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Error: the training job failed" in done.stderr
    assert not (tmp_path / "out").exists()
