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
from PIL import Image

from local_test import job, opt_ml, program
from tests.conftest import IMAGE
from tests.helpers import HEARS_CTRL_C, Job, free_port, serving


def run(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "120", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)


def test_train_then_serve_for_as_long_as_a_command_runs(prepared: Path, image: str | None, tmp_path: Path) -> None:
    base, where = tmp_path / "opt-ml", ["--image", image] if image else []
    opt_ml.write(base, ["training"], {})
    (base / "model" / "earlier").touch()
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


def test_a_log_file_leaves_the_screen_to_the_progress_and_the_warnings(prepared: Path, tmp_path: Path) -> None:
    base, log = tmp_path / "opt-ml", tmp_path / "train.log"
    where = ["--base", base, "--training", prepared / "training", "--log", log]
    done = run("local_test", "train", *where, "-p", "epochs=2", "-p", "temperature=2")
    assert done.returncode == 0, done.stderr
    assert "validation_accuracy=" in log.read_text()
    assert "validation_accuracy=" not in done.stdout + done.stderr
    assert "100%" in done.stdout
    assert "hyperparameter temperature = 2.0 is not used without final = true" in done.stderr
    assert f"the job's log: {log}" in done.stderr


def test_a_job_that_fails_shows_the_end_of_its_log_file(prepared: Path, tmp_path: Path) -> None:
    log = tmp_path / "train.log"
    where = ["--base", tmp_path / "opt-ml", "--training", prepared / "training", "--log", log]
    done = run("local_test", "train", *where, "-p", "epochs=x")
    assert done.returncode == 1
    assert log.read_text().splitlines()[-1] in done.stderr
    assert "training failed with exit code 1: hyperparameter epochs = 'x'" in done.stderr


def test_a_failed_job_is_told_and_leaves_the_earlier_model_alone(prepared: Path, tmp_path: Path) -> None:
    base, partial = tmp_path / "opt-ml", tmp_path / "opt-ml.partial"
    opt_ml.write(base, ["training"], {})
    (base / "model" / "earlier").touch()
    done = run("local_test", "train", "--base", base, "--training", prepared / "training", "-p", "epochs=x")
    assert done.returncode == 1
    assert "training failed with exit code 1: hyperparameter epochs = 'x'; expected" in done.stderr
    assert done.stderr.endswith(f"what it left is in {partial}; {base} is as it was\n")
    assert (partial / "output" / "failure").exists()
    assert (base / "model" / "earlier").exists()
    shutil.rmtree(base)
    done = run("local_test", "train", "--base", base, "--training", prepared / "training", "-p", "epochs=x")
    assert done.stderr.endswith(f"what it left is in {partial}\n")


def test_a_job_that_ctrl_c_ends_leaves_the_earlier_model_alone(prepared: Path, tmp_path: Path) -> None:
    base, partial = tmp_path / "opt-ml", tmp_path / "opt-ml.partial"
    opt_ml.write(base, ["training"], {})
    (base / "model" / "earlier").touch()
    words = ["train", "--base", str(base), "--training", str(prepared / "training"), "-p", "epochs=10000"]
    command = [*HEARS_CTRL_C, sys.executable, "-m", "local_test", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        assert next(line for line in process.stdout if "validation_accuracy=" in line)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(180)
        finally:
            process.kill()  # nothing, if it has ended
        rest = process.stdout.read()
    assert process.returncode == 1, rest
    assert rest.endswith(f"what it left is in {partial}; {base} is as it was\n")
    assert (partial / "model" / "artifact.json").exists()
    assert (base / "model" / "earlier").exists()


def test_a_folder_that_holds_something_else_is_left_alone(prepared: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("all of it")
    done = run("local_test", "train", "--base", tmp_path, "--training", prepared / "training")
    assert done.returncode == 2
    assert "holds something else than an earlier run" in done.stderr
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
    assert "No Docker engine is reachable: the bare programs run in place of the container." in done.stderr


def test_a_server_that_does_not_come_up_is_told_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "opt-ml" / "model").mkdir(parents=True)
    done = run("local_test", "serve", "--base", tmp_path / "opt-ml", "--port", free_port(), "--", "true")
    assert done.returncode == 1
    assert "artifact.json is missing" in done.stderr
    assert "ended with exit code 1 before it was ready" in done.stderr


@pytest.mark.parametrize("where", [[], ["--image", IMAGE]])
def test_another_program_on_the_port_is_not_taken_for_the_server(where: list[str], tmp_path: Path) -> None:
    (tmp_path / "opt-ml" / "model").mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = run("local_test", "serve", *where, "--base", tmp_path / "opt-ml", "--port", port, "--", "true")
    assert done.returncode == 2
    assert done.stderr == f"Error: another program listens on port {port}; choose another: --port, for make PORT=\n"


def test_a_job_that_has_ended_holds_nothing_open() -> None:
    """A check starts dozens in one process."""
    before = open_files()
    started = job.Job(program.Program([sys.executable, "-c", "print(1)"], {}))
    assert started.wait(30) == 0
    assert started.log == "1"
    assert open_files() <= before  # what earlier tests left may be closed at any time


def open_files() -> set[Path]:
    return {path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}


@pytest.mark.engine
def test_files_that_a_container_wrote_are_given_back(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "file").touch()
    program.give_back(IMAGE, tmp_path, 12345, 54321)
    found = (tmp_path / "model" / "file").stat()
    program.give_back(IMAGE, tmp_path, os.getuid(), os.getgid())
    assert (found.st_uid, found.st_gid) == (12345, 54321)


def test_evaluation_counts_what_is_right_in_batches_below_the_limit(job: Job, prepared: Path, tmp_path: Path) -> None:
    test_set = prepared / "validation" / "validation.npz"
    small = {"SAGEMAKER_MAX_PAYLOAD_IN_MB": "1", "SAGEMAKER_CONTAINER_LOG_LEVEL": "10"}
    with serving(job.base, tmp_path / "log", environment=small) as server:
        done = run(
            "scripts.evaluate", test_set, "--url", server.url, "--output", tmp_path / "out", "--max-payload-mb", "0.02"
        )
        requests = (tmp_path / "log").read_text().count('"request": "POST /invocations"')
    assert done.returncode == 0, done.stderr
    assert requests == 6  # 17 of the 86 images at a time: their answers, not they, fill 0.02 MB
    metrics = json.loads((job.base / "output" / "data" / "metrics.json").read_text())
    result = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert result["images"] == 86
    assert result["accuracy"] == pytest.approx(metrics["validation_accuracy"])
    assert result["accuracy_per_class"] == pytest.approx(metrics["accuracy_per_class"])
    assert (tmp_path / "out" / "accuracy-per-class.png").stat().st_size > 10_000


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Files and folders that are no test set and no images."""
    (tmp_path / "folders" / "stop").mkdir(parents=True)
    (tmp_path / "folders" / "stop" / "1.png").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.npz").touch()
    np.savez(tmp_path / "pickled.npz", images=np.array([None]))
    return tmp_path


@pytest.mark.parametrize("picture", [[], ["--picture", "out.png"]])
@pytest.mark.parametrize("folder", ["folders", "empty"])
def test_a_folder_without_files_is_told(folder: str, picture: list[str], odd: Path) -> None:
    done = run("scripts.invoke", *picture, odd / folder)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {odd / folder} holds no files; ")


@pytest.mark.parametrize("file", ["empty.npz", "pickled.npz"])
def test_what_is_no_test_set_is_told_in_own_words(file: str, odd: Path) -> None:
    done = run("scripts.evaluate", odd / file, "--output", odd / "out")
    assert done.returncode == 2
    words = f"{odd / file} is no archive with images, labels and names; make data writes one, test.npz"
    assert done.stderr == f"Error: {words}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("scripts.evaluate", "no-such-file", "--output", "x"), "does not exist"),
        (("scripts.evaluate", __file__, "--output", "x"), "is no archive with images, labels and names"),
        (
            ("scripts.invoke", "--url", "http://127.0.0.1:9", __file__),
            "no answer from http://127.0.0.1:9/invocations; is it running",
        ),
        (("local_test", "serve", "--base", ".", "--", "no-such-program"), "Error: there is no program no-such-program"),
    ],
)
def test_a_wrong_call_ends_with_exit_code_2_and_says_why(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("version", "command"),
    [
        (2, ("train", "--image", "x", "--role", "x", "--training", ".")),
        (2, ("deploy",)),
        (2, ("transform", "TEST_SET")),
        (2, ("transform_local", "TEST_SET", "--image", "x", "--model-data", __file__)),
        (2, ("sagemaker_local", "--image", "x", "--training", ".", "--samples", ".")),
        (3, ("sdk_v3", "--image", "x", "--training", ".", "--samples", ".")),
    ],
)
def test_the_wrong_environment_is_told_before_anything_is_begun(
    version: int, command: tuple[str, ...], prepared: Path
) -> None:
    test_set = str(prepared / "test" / "test.npz")
    done = run(f"scripts.{command[0]}", *(test_set if word == "TEST_SET" else word for word in command[1:]))
    assert done.returncode == 2
    words = f"this needs SageMaker's SDK version {version}: run it by .venv-sdk-v{version}/bin/python"
    assert done.stderr == f"Error: {words} (make .venv-sdk-v{version}/installed)\n"


def test_what_the_endpoint_says_of_which_file_reaches_the_person(job: Job, tmp_path: Path) -> None:
    Image.new("L", (20, 20)).save(tmp_path / "good.png")
    with serving(job.base, tmp_path / "log") as server:
        done = run("scripts.invoke", "--url", server.url, tmp_path / "good.png", __file__)
    assert done.returncode == 2
    assert f"Error: {__file__}: 400 from http" in done.stderr
    assert "not a readable image" in done.stderr
