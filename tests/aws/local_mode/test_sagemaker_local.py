"""SageMaker's local mode with SDK version 2 in its own environment, with real containers."""

import json
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.aws.local_mode.sdk import run, run_without_image
from tests.conftest import IMAGE
from tests.support import hooks
from tests.support.helpers import Job, free_port

pytestmark = [pytest.mark.engine, pytest.mark.usefixtures("clean_local_mode")]


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


def test_a_users_program_trains(prepared: Path, tmp_path: Path) -> None:
    program = Path(__file__).parent / "own_program.py"
    done = round_trip(prepared, tmp_path / "out", "--entry-point", program, "-p", "epochs=1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert description(tmp_path / "out" / "model.tar.gz")["preset"] == "mine"
    assert sum(".ppm" in line for line in done.stdout.splitlines()) == 43


def test_a_users_program_that_fails_is_reported_in_its_words_and_keeps_the_earlier_model(
    prepared: Path, tmp_path: Path
) -> None:
    program = "import os\nraise ValueError('these words, model', os.listdir('/opt/ml/model'))\n"
    (tmp_path / "mine.py").write_text(program)
    output = tmp_path / "out"
    output.mkdir()
    (output / "model.tar.gz").write_text("of an earlier job")
    done = round_trip(prepared, output, "--entry-point", tmp_path / "mine.py")
    assert done.returncode == 1
    [line] = [line for line in done.stderr.splitlines() if line.startswith("Error: the training job failed: ")]
    assert "('these words, model', [])" in line
    assert (output / "model.tar.gz").read_text() == "of an earlier job"


def test_a_job_that_fails_on_two_hosts_ends_on_both(prepared: Path, tmp_path: Path) -> None:
    done = round_trip(prepared, tmp_path / "out", "--instances", 2, "-p", "epochs=many")
    assert done.returncode == 1
    assert "Error: the training job failed: " in done.stderr
    assert "hyperparameter epochs = 'many'" in done.stdout


@pytest.mark.parametrize("image", ["container"], indirect=True)
def test_a_model_with_hooks_of_its_own(job: Job, tmp_path: Path) -> None:
    archive, source = tmp_path / "model.tar.gz", tmp_path / "source"
    with tarfile.open(archive, "w:gz") as packed:  # a copy: the SDK puts the code into it
        packed.add(job.base / "model", ".")
    source.mkdir()
    (source / "mine.py").write_text(hooks.ONLY_PREDICT)
    done = run_without_image("v2", "tests.aws.local_mode.own_hooks", IMAGE, archive, source, "mine.py", free_port())
    assert done.returncode == 0, done.stdout + done.stderr
    assert 'answer: {"dark": 1}' in done.stdout
    assert "/opt/ml/code/mine.py defines predict_fn" in done.stdout
    with tarfile.open(archive) as packed:
        assert any(name.endswith("code/mine.py") for name in packed.getnames())
    assert [path.name for path in source.iterdir()] == ["mine.py"]  # no files of root beside it
