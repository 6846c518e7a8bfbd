"""The commands `python -m scripts`, as a person calls them, against a server on this machine."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.commands import run
from tests.support.helpers import Job, serving


def test_evaluation_counts_correct_answers_in_batches_below_the_limit(job: Job, prepared: Path, tmp_path: Path) -> None:
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
def test_a_folder_without_files_is_reported(folder: str, picture: list[str], odd: Path) -> None:
    done = run("scripts.invoke", *picture, odd / folder)
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {odd / folder} has no files; ")


@pytest.mark.parametrize("file", ["empty.npz", "pickled.npz"])
def test_a_file_that_is_not_a_test_set_is_reported_clearly(file: str, odd: Path) -> None:
    done = run("scripts.evaluate", odd / file, "--output", odd / "out")
    assert done.returncode == 2
    words = f"{odd / file} is not an archive with images, labels and names; make data writes test.npz"
    assert done.stderr == f"Error: {words}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("scripts.evaluate", "no-such-file", "--output", "x"), "does not exist"),
        (("scripts.evaluate", __file__, "--output", "x"), "is not an archive with images, labels and names"),
        (("local_test", "serve", "--base", ".", "--", "no-such-program"), "Error: program no-such-program not found"),
    ],
)
def test_a_wrong_call_ends_with_exit_code_2_and_says_why(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_an_endpoint_that_does_not_answer_is_a_failure_with_the_question_to_ask() -> None:
    done = run("scripts.invoke", "--url", "http://127.0.0.1:9", __file__)
    assert done.returncode == 1
    assert "no answer from http://127.0.0.1:9/invocations; is it running" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("version", "command"),
    [
        (2, ("train", "--image", "x", "--role", "arn:aws:iam::111122223333:role/x", "--training", ".")),
        (2, ("deploy",)),
        (2, ("transform", "TEST_SET")),
        (2, ("transform_local", "TEST_SET", "--image", "x", "--model-data", __file__)),
        (2, ("sagemaker_local", "--image", "x", "--training", ".", "--samples", ".")),
        (3, ("sdk_v3", "--image", "x", "--training", ".", "--samples", ".")),
    ],
)
def test_the_wrong_environment_is_reported_before_anything_starts(
    version: int, command: tuple[str, ...], prepared: Path
) -> None:
    test_set = str(prepared / "test" / "test.npz")
    done = run(f"scripts.{command[0]}", *(test_set if word == "TEST_SET" else word for word in command[1:]))
    assert done.returncode == 2
    folder = f".venv-sdk-v{version}"
    message = f"this command needs version {version} of SageMaker's SDK: "
    assert done.stderr == f"Error: {message}run make {folder}/installed, then {folder}/bin/python\n"


def test_the_message_of_an_endpoint_names_the_file(job: Job, tmp_path: Path) -> None:
    Image.new("L", (20, 20)).save(tmp_path / "good.png")
    with serving(job.base, tmp_path / "log") as server:
        done = run("scripts.invoke", "--url", server.url, tmp_path / "good.png", __file__)
    assert done.returncode == 1
    assert f"Error: {__file__}: 400 from http" in done.stderr
    assert "not a readable image" in done.stderr
