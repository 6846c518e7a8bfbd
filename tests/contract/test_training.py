"""The training contract, bare and in the container: files, signals and exit codes, nothing else.

Sources: "How Amazon SageMaker AI Provides Training Information", "Signal Algorithm Success or
Failure" and "How Amazon SageMaker AI Processes Training Output" in the developer guide.
"""

import json
import re
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from local_test.platform import container, opt_ml
from tests.conftest import in_one_place
from tests.support.helpers import Job, run_job
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]


def test_success_is_exit_code_0_a_model_and_a_report(job: Job) -> None:
    assert not (job.base / "output" / "failure").exists()
    assert (job.base / "model" / "model.tflite").stat().st_size > 200_000
    report = {path.name for path in (job.base / "output" / "data").iterdir()}
    assert report == {
        "metrics.json",
        "report.html",
        "curves.png",
        "accuracy-by-count.png",
        "reliability.png",
        "confusion-matrix.png",
        "accuracy-per-class.png",
        "class-distribution.png",
    }
    metrics = json.loads((job.base / "output" / "data" / "metrics.json").read_text())
    assert np.sum(metrics["confusion_matrix"]) == metrics["images"]["validation"] == 86
    assert len(metrics["history"]["train_loss"]) == 2
    assert len(metrics["accuracy_per_class"]) == 43


@in_one_place
def test_a_job_succeeds_with_its_model_though_nothing_else_can_be_written(
    image: str | None, prepared: Path, tmp_path: Path
) -> None:
    base = tmp_path / "opt-ml"
    (base / "output" / "data" / "curves.png").mkdir(parents=True)
    (base / "output" / "tensorboard").write_text("a file where the folder should be")
    channels = {"training": prepared / "training", "validation": prepared / "validation"}
    job = run_job(base, channels, {"epochs": 1}, image=image)
    assert job.code == 0, job.log
    assert {"model.tflite", "artifact.json"} <= {path.name for path in (base / "model").iterdir()}
    assert not (base / "output" / "failure").exists()
    assert "output/data is not: IsADirectoryError" in job.log
    assert "no event files for TensorBoard in " in job.log


def test_the_shipped_expressions_find_every_metric_once_an_epoch_and_at_last_the_accuracy_of_the_model(
    job: Job,
) -> None:
    written = json.loads((job.base / "output" / "data" / "metrics.json").read_text())
    metrics = written["history"]
    metrics["validation_accuracy"].append(written["validation_accuracy"])
    definitions = json.loads((ROOT / "scripts" / "resources" / "metric_definitions.json").read_text())
    assert len(definitions) == 4
    for definition in definitions:
        found = [match[1] for line in job.log.splitlines() if (match := re.search(definition["Regex"], line))]
        expected = metrics[definition["Name"].replace(":", "_")]
        np.testing.assert_allclose(np.array(found, float), expected, atol=1e-6)


@in_one_place
def test_the_same_seed_gives_the_same_weights(job: Job, image: str | None, prepared: Path, tmp_path: Path) -> None:
    channels = {"training": prepared / "training", "validation": prepared / "validation"}
    again = run_job(tmp_path / "opt-ml", channels, {"epochs": 2}, image=image)
    first, second = ((base / "model" / "model.tflite").read_bytes() for base in (job.base, again.base))
    assert first == second


@in_one_place
def test_sigterm_ends_the_job_early_with_a_model_and_the_next_one_resumes(
    prepared: Path, image: str | None, tmp_path: Path
) -> None:
    base, channels = tmp_path / "opt-ml", {"training": prepared / "training"}
    opt_ml.write(base, channels, {"epochs": 10_000})
    (base / "checkpoints" / "step-99999999.npz.sagemaker-uploaded").touch()  # such as the platform's uploader leaves
    first = _stopped(container.training_program(image, base, channels), tmp_path / "first.log", "epoch 2 of 10000")
    assert (base / "model" / "artifact.json").exists()
    found = re.search(r"training stops after step (\d+)", first)
    assert found, first
    shutil.rmtree(base / "model")
    (base / "model").mkdir()
    for link in (base / "input" / "data").iterdir():
        link.unlink() if link.is_symlink() else link.rmdir()
    _stopped(
        container.training_program(image, base, channels), tmp_path / "second.log", f"resuming after step {found[1]} "
    )
    assert (base / "model" / "artifact.json").exists()


def _stopped(command: container.Program, log: Path, after: str) -> str:
    """Start a job, send SIGTERM once *after* is in its log, see it succeed; return the log."""
    with log.open("wb") as stream:
        process = command.start(stream)

        def told() -> bool:
            assert process.poll() is None, log.read_text()
            return after in log.read_text()

        wait_until(told, 120, f"the log says: {after}", log.read_text)
        process.send_signal(signal.SIGTERM)
        assert process.wait(120) == 0
    return log.read_text()


@in_one_place
def test_a_final_job_trains_on_the_validation_images_too(prepared: Path, image: str | None, tmp_path: Path) -> None:
    channels = {"training": prepared / "training", "validation": prepared / "validation"}
    given = {"preset": "quick", "epochs": 1, "final": "true", "temperature": 0.7}
    done = run_job(tmp_path / "opt-ml", channels, given, image=image)
    assert done.code == 0, done.log
    metrics = json.loads((done.base / "output" / "data" / "metrics.json").read_text())
    both = sum(len(np.load(folder / f"{name}.npz")["labels"]) for name, folder in channels.items())
    assert metrics["images"] == {"training": both}
    described = json.loads((done.base / "model" / "artifact.json").read_text())
    assert (described["preset"], described["temperature"]) == ("quick", 0.7)


@pytest.fixture
def other_channel(tmp_path: Path) -> Path:
    """An empty folder to put a channel into."""
    folder = tmp_path / "channel"
    folder.mkdir()
    return folder


def failed(job: Job, *messages: str) -> None:
    """Hold a failed job against the contract: exit 1, the message first, no model that is half there."""
    assert job.code == 1, job.log
    for message in messages:
        assert message in job.failure[:1024]
    assert not (job.base / "model" / "artifact.json").exists()


def test_a_job_without_its_channel_fails_and_names_it(image: str | None, tmp_path: Path) -> None:
    job = run_job(tmp_path / "opt-ml", {}, {}, image=image)
    failed(job, "channel training is missing: ")
    assert "Traceback" not in job.failure


def test_a_job_without_the_platforms_output_folder_still_fails_with_its_reason(prepared: Path, tmp_path: Path) -> None:
    base, channels = tmp_path / "opt-ml", {"training": prepared / "training"}
    opt_ml.write(base, channels, {"epochs": 1.5}, "localhost")
    shutil.rmtree(base / "output")
    with (tmp_path / "log").open("wb") as log:
        assert container.training_program(None, base, channels).start(log).wait(120) == 1
    assert (base / "output" / "failure").read_text().startswith("hyperparameter epochs = ")


def test_a_job_with_an_empty_channel_fails_and_names_it(image: str | None, tmp_path: Path, other_channel: Path) -> None:
    failed(run_job(tmp_path / "opt-ml", {"training": other_channel}, {}, image=image), "channel training: ", "is empty")


@pytest.mark.parametrize(
    ("hyperparameters", "message"),
    [
        ('{"epoch": "3"}', "unknown hyperparameter epoch = '3'; known are"),
        ('{"epochs": "\\"many\\""}', "hyperparameter epochs = 'many'; expected a whole number"),
        ('{"preset": "resnet"}', "hyperparameter preset = 'resnet'; expected one of lenet, quick, fast, best"),
        ('{"epochs": "many"}', "hyperparameter epochs = 'many'; expected a whole number"),
    ],
)
def test_a_wrong_hyperparameter_fails_the_job_and_is_named_in_either_encoding(
    image: str | None, prepared: Path, tmp_path: Path, hyperparameters: str, message: str
) -> None:
    channels = {"training": prepared / "training"}
    failed(run_job(tmp_path / "opt-ml", channels, {}, image=image, raw=hyperparameters), message)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            '{"epochs": "3"',
            "hyperparameters.json is not valid JSON: Expecting ',' delimiter: line 1 column 15 (char 14)",
        ),
        ("", "hyperparameters.json is not valid JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "hyperparameters.json contains list; expected an object"),
        ("[" * 10_000, "hyperparameters.json is not valid JSON: maximum recursion depth exceeded"),
        (
            json.dumps({"epochs": "[" * 10_000}),
            "hyperparameters.json is not valid JSON: maximum recursion depth exceed",
        ),
        ("\ufeff{}", "hyperparameters.json is not valid JSON: Unexpected UTF-8 BOM"),
    ],
)
def test_hyperparameters_that_are_not_json_fail_the_job_with_one_line(
    image: str | None, tmp_path: Path, raw: str, message: str
) -> None:
    job = run_job(tmp_path / "opt-ml", {}, {}, image=image, raw=raw)
    failed(job, message)
    assert job.log == f"train: {job.failure}\n"


@pytest.mark.parametrize("name", ["hyperparameters.json", "inputdataconfig.json", "resourceconfig.json"])
def test_a_missing_configuration_file_fails_the_job_with_one_line(tmp_path: Path, name: str) -> None:
    opt_ml.write(tmp_path, {}, {}, "localhost")
    (tmp_path / "input" / "config" / name).unlink()
    with (tmp_path / "log").open("wb") as log:
        assert container.training_program(None, tmp_path, {}).start(log).wait(120) == 1
    assert (tmp_path / "log").read_text() == f"train: {name} cannot be read: No such file or directory\n"
    assert (tmp_path / "output" / "failure").read_text() == f"{name} cannot be read: No such file or directory"


def test_a_job_that_requires_a_gpu_and_finds_none_fails_and_says_what_to_do(
    prepared: Path, image: str | None, tmp_path: Path
) -> None:
    job = run_job(tmp_path / "opt-ml", {"training": prepared / "training"}, {"require_gpu": True}, image=image)
    failed(job, "require_gpu = true, but TensorFlow ", "sees only /physical_device:CPU:0; use the gpu image")
    assert "Traceback" not in job.failure


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": np.full(344, 43)}, "label 43 of image 0 is out of range; there are 43 classes"),
        ({"labels": np.zeros(344)}, "array labels has dtype float64"),
        ({"images": np.zeros((344, 28, 28, 1), np.uint8)}, "shape [344, 28, 28, 1]"),
        ({"images": np.full((344, 32, 32, 1), 0.5, np.float32)}, "whole numbers from 0 to 255"),
    ],
)
def test_a_job_with_wrong_arrays_fails_and_says_what_is_wrong_with_them(
    prepared: Path, tmp_path: Path, other_channel: Path, change: dict[str, np.ndarray], message: str
) -> None:
    with np.load(prepared / "training" / "training.npz") as archive:
        np.savez(other_channel / "training.npz", **{**archive, **change})
    failed(run_job(tmp_path / "opt-ml", {"training": other_channel}, {}), "channel training: ", message)


def test_two_archives_in_a_channel_fail_the_job_and_are_named(
    prepared: Path, tmp_path: Path, other_channel: Path
) -> None:
    for name in ("a.npz", "b.npz"):
        shutil.copy(prepared / "training" / "training.npz", other_channel / name)
    failed(
        run_job(tmp_path / "opt-ml", {"training": other_channel}, {}),
        "channel training has 2 .npz files",
        "a.npz, b.npz",
    )


def test_channels_of_different_classes_fail_the_job(prepared: Path, tmp_path: Path, other_channel: Path) -> None:
    with np.load(prepared / "validation" / "validation.npz") as archive:
        np.savez(other_channel / "x.npz", **{**archive, "names": archive["names"][::-1]})
    channels = {"training": prepared / "training", "validation": other_channel}
    failed(run_job(tmp_path / "opt-ml", channels, {}), "channel validation has 43 classes")


@in_one_place
def test_a_corrupt_image_in_the_channel_is_named_and_left_out(drawn: Path, image: str | None, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(drawn / "GTSRB" / "Final_Training" / "Images", tmp_path / "channel" / "Training"))
    (folder / "00002" / "00000_00001.ppm").write_bytes(b"P6 broken")
    job = run_job(tmp_path / "opt-ml", {"training": tmp_path / "channel"}, {"epochs": 1}, image=image)
    assert job.code == 0, job.log
    assert "skipped unreadable file Training/00002/00000_00001.ppm: not a readable image" in job.log
    assert "1 of 430 are unreadable and skipped" in job.log
    labels = json.loads((job.base / "model" / "artifact.json").read_text())["labels"]
    assert labels[14] == "Stop"


@in_one_place
def test_the_users_own_program_runs_in_place_of_the_built_in_one(image: str | None, tmp_path: Path) -> None:
    """Estimator(entry_point=..., source_dir=...) puts its code at /opt/ml/code and names it in a hyperparameter."""
    base = tmp_path / "opt-ml"
    (base / "code").mkdir(parents=True)
    (base / "code" / "mine.py").write_text(
        "import os, sys\nopen(os.environ['SM_MODEL_DIR'] + '/mine', 'w').write(' '.join(sys.argv[1:]))\n"
    )
    job = run_job(base, {}, {"sagemaker_program": "mine.py", "rate": 0.5}, image=image)
    assert job.code == 0, job.log
    assert (base / "model" / "mine").read_text() == "--rate 0.5"
    (base / "code" / "mine.py").write_text("raise ValueError('no such luck')\n")
    shutil.rmtree(base / "model")
    job = run_job(base, {}, {"sagemaker_program": "mine.py"}, image=image)
    assert job.code == 1
    assert "no such luck" in job.failure[:1024]
