"""The commands `python -m local_test` and `python -m scripts`, as a person calls them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from local_test.platform import container, opt_ml
from tests.conftest import IMAGE
from tests.support.commands import run
from tests.support.helpers import WITH_DEFAULT_SIGINT, Job, free_port
from tests.support.waiting import wait_until


def test_train_then_serve_for_as_long_as_a_command_runs(prepared: Path, image: str | None, tmp_path: Path) -> None:
    base, where = tmp_path / "opt-ml", ["--image", image] if image else []
    opt_ml.write(base, ["training"], {})
    (base / "model" / "earlier").touch()
    (base / "input" / "config" / "hyperparameters.json").touch()  # as at the end of a job
    trained = run(
        "local_test", "train", *where, "--base", base, "--training", prepared / "training", "-p", "epochs=1", "-p",
        "preset=lenet",
    )  # fmt: skip
    assert trained.returncode == 0, trained.stderr
    assert str(base / "model") in trained.stdout
    assert "epoch 1 of 1" in trained.stdout + trained.stderr
    written = json.loads((base / "input" / "config" / "hyperparameters.json").read_text())
    assert written == {"epochs": "1", "preset": '"lenet"'}
    files = {path.name for path in (base / "model").iterdir()} - {"model.int8.tflite"}  # not all models have it
    assert files == {"artifact.json", "model.keras", "model.tflite"}
    assert [path.name for path in tmp_path.iterdir()] == ["opt-ml"]

    port = free_port()
    invoke = [sys.executable, "-m", "scripts.invoke", "--url", f"http://127.0.0.1:{port}"]
    picture = tmp_path / "deep" / "picture.png"
    served = run(
        "local_test", "serve", *where, "--base", base, "--port", port, "--",
        *invoke, "--picture", picture, prepared / "samples",
    )  # fmt: skip
    assert served.returncode == 0, served.stderr
    assert served.stdout.count(".ppm") == 43
    assert "14-Stop.ppm" in served.stdout
    assert "ready after" in served.stderr
    with Image.open(picture) as drawn:
        assert len(np.unique(np.asarray(drawn.convert("L")))) > 50
    assert "Starting gunicorn" in (tmp_path / "serve.log").read_text()


def test_a_file_that_was_added_to_an_earlier_model_is_not_lost(prepared: Path, tmp_path: Path) -> None:
    base, kept = tmp_path / "opt-ml", tmp_path / "opt-ml.earlier-1"
    opt_ml.write(base, ["training"], {})
    ended = (base / "input" / "config" / "hyperparameters.json").stat().st_ctime_ns
    mine = base / "model" / "mine.py"

    def added() -> bool:
        mine.touch()
        return mine.stat().st_ctime_ns > ended

    wait_until(added, 60, "the file is newer than the job")
    done = run("local_test", "train", "--base", base, "--training", prepared / "training", "-p", "epochs=1")
    assert done.returncode == 0, done.stderr
    assert f"{base} had files from after its job, such as model/mine.py: it is kept as {kept}\n" in done.stderr
    assert [path.name for path in (kept / "model").iterdir()] == ["mine.py"]
    assert "artifact.json" in {path.name for path in (base / "model").iterdir()} - {"mine.py"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["opt-ml", "opt-ml.earlier-1"]


def test_a_log_file_leaves_the_screen_to_the_progress_and_the_warnings(prepared: Path, tmp_path: Path) -> None:
    base, log = tmp_path / "opt-ml", tmp_path / "train.log"
    where = ["--base", base, "--training", prepared / "training", "--log", log]
    done = run("local_test", "train", *where, "-p", "epochs=2", "-p", "temperature=2")
    assert done.returncode == 0, done.stderr
    assert "validation_accuracy=" in log.read_text()
    assert "validation_accuracy=" not in done.stdout + done.stderr
    assert "100%" in done.stdout
    assert "hyperparameter temperature = 2.0 is ignored without final = true" in done.stderr
    assert f"log of the job: {log}" in done.stderr


def test_a_job_that_fails_shows_the_end_of_its_log_file(prepared: Path, tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    where = ["--base", tmp_path / "opt-ml", "--training", prepared / "training", "--log", log]
    done = run("local_test", "train", *where, "-p", "epochs=x")
    assert done.returncode == 1
    assert log.read_text().splitlines()[-1] in done.stderr
    assert "training failed with exit code 1: hyperparameter epochs = 'x'" in done.stderr


def test_a_failed_job_is_reported_and_keeps_the_earlier_model(prepared: Path, tmp_path: Path) -> None:
    base, partial = tmp_path / "opt-ml", tmp_path / "opt-ml.partial"
    opt_ml.write(base, ["training"], {})
    (base / "model" / "earlier").touch()
    done = run("local_test", "train", "--base", base, "--training", prepared / "training", "-p", "epochs=x")
    assert done.returncode == 1
    assert "training failed with exit code 1: hyperparameter epochs = 'x'; expected" in done.stderr
    assert done.stderr.endswith(f"the files of this job are in {partial}; {base} is unchanged\n")
    assert (partial / "output" / "failure").exists()
    assert (base / "model" / "earlier").exists()
    shutil.rmtree(base)
    done = run("local_test", "train", "--base", base, "--training", prepared / "training", "-p", "epochs=x")
    assert done.stderr.endswith(f"the files of this job are in {partial}\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_job_that_ctrl_c_ends_leaves_the_earlier_model_alone(
    number: signal.Signals, prepared: Path, tmp_path: Path
) -> None:
    base, partial = tmp_path / "opt-ml", tmp_path / "opt-ml.partial"
    opt_ml.write(base, ["training"], {})
    (base / "model" / "earlier").touch()
    words = ["train", "--base", str(base), "--training", str(prepared / "training"), "-p", "epochs=10000"]
    command = [*WITH_DEFAULT_SIGINT, sys.executable, "-m", "local_test", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        assert next(line for line in process.stdout if "validation_accuracy=" in line)
        process.send_signal(number)
        try:
            process.wait(180)
        finally:
            process.kill()  # nothing, if it has ended
        rest = process.stdout.read()
    assert process.returncode == 1, rest
    assert rest.endswith(f"the files of this job are in {partial}; {base} is unchanged\n")
    assert (partial / "model" / "artifact.json").exists()
    assert (base / "model" / "earlier").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminated_serve_command_leaves_no_server(number: signal.Signals, job: Job, image: str | None) -> None:
    port = free_port()
    # a test run below nohup ignores SIGHUP, and programs inherit that
    command = ["env", f"--default-signal={number.name.removeprefix('SIG')}"]
    command += [sys.executable, "-m", "local_test", "serve", "--base", str(job.base), "--port", str(port)]
    command += ["--image", image] if image else []
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr
        assert next(line for line in process.stderr if "ready after" in line)
        process.send_signal(number)
        try:
            assert process.wait(60) == 0
        finally:
            process.kill()  # nothing, if it has ended
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{port}/ping", timeout=5)


def test_a_folder_with_other_files_is_left_alone(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all of it")
    done = run("local_test", "train", "--base", tmp_path, "--training", prepared / "training")
    assert done.returncode == 2
    assert "has files that are not from an earlier run" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "all of it"


@pytest.mark.parametrize("wrong", ["epochs", "=3"])
def test_a_wrong_argument_leaves_the_earlier_model_alone(wrong: str, prepared: Path, tmp_path: Path) -> None:
    opt_ml.write(tmp_path / "opt-ml", ["training"], {})
    (tmp_path / "opt-ml" / "model" / "artifact.json").write_text("{}")
    done = run("local_test", "train", "--base", tmp_path / "opt-ml", "--training", prepared / "training", "-p", wrong)
    assert done.returncode == 2
    assert f"{wrong!r}; expected KEY=VALUE" in done.stderr
    assert (tmp_path / "opt-ml" / "model" / "artifact.json").read_text() == "{}"


def test_without_an_engine_the_bare_programs_run_and_it_is_said(prepared: Path, tmp_path: Path) -> None:
    done = run(
        "local_test", "train", "--image", IMAGE, "--base", tmp_path / "opt-ml", "--training", prepared / "training",
        "-p", "epochs=1", DOCKER="no-such-program",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "No Docker engine is reachable: the programs run on the host instead of in the container." in done.stderr


def test_a_server_that_does_not_start_is_reported_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "opt-ml" / "model").mkdir(parents=True)
    done = run("local_test", "serve", "--base", tmp_path / "opt-ml", "--port", free_port(), "--", "true")
    assert done.returncode == 1
    assert "artifact.json is missing" in done.stderr
    assert "exited with code 1 before it was ready" in done.stderr


@pytest.mark.parametrize("where", [[], ["--image", IMAGE]])
def test_another_program_on_the_port_is_not_taken_for_the_server(where: list[str], tmp_path: Path) -> None:
    (tmp_path / "opt-ml" / "model").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run("local_test", "serve", *where, "--base", tmp_path / "opt-ml", "--port", port, "--", "true")
    assert done.returncode == 2
    assert done.stderr == f"Error: port {port} is in use; choose another with --port, or PORT= for make\n"


@pytest.mark.engine
def test_files_that_a_container_wrote_are_given_back(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "file").touch()
    container.restore_owner(IMAGE, tmp_path, 12345, 54321)
    found = (tmp_path / "model" / "file").stat()
    container.restore_owner(IMAGE, tmp_path, os.getuid(), os.getgid())
    assert (found.st_uid, found.st_gid) == (12345, 54321)
