"""What local_test writes in the platform's name, and what it asks the engine for."""

import json
from pathlib import Path
from typing import Any

import pytest

from local_test.check.training.baseline import LOCAL, PLATFORM
from local_test.check.training.failures import says_why
from local_test.check.training.job import JobResult
from local_test.platform import opt_ml, training_job
from local_test.platform.opt_ml import Encoding, Form, Group

DOCUMENTED = {"hyperparameters.json", "inputdataconfig.json", "resourceconfig.json"}


def written(base: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_bytes()) for path in (base / "input" / "config").iterdir()}


def test_the_tree_of_a_real_job(tmp_path: Path) -> None:
    opt_ml.write(tmp_path, ["training"], {"optimizer": "adam", "epochs": 3, "final": True})
    files = written(tmp_path)
    assert files["hyperparameters.json"] == {"optimizer": '"adam"', "epochs": "3", "final": "true"}
    assert files["inputdataconfig.json"] == {
        "training": {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    }
    assert files["resourceconfig.json"] == {
        "current_host": "algo-1",
        "current_instance_type": "local",
        "current_group_name": "homogeneousCluster",
        "hosts": ["algo-1"],
        "instance_groups": [
            {"instance_group_name": "homogeneousCluster", "instance_type": "local", "hosts": ["algo-1"]}
        ],
        "network_interface_name": "eth0",
    }
    assert files["checkpointconfig.json"] == {"LocalPath": "/opt/ml/checkpoints"}
    assert len(files) == len(DOCUMENTED) + 7
    assert {path.name for path in tmp_path.iterdir()} == {"input", "model", "output", "checkpoints"}
    assert not list((tmp_path / "input" / "data").iterdir())
    assert opt_ml.current_host(tmp_path) == "algo-1"


def test_a_second_job_does_not_start_with_the_model_of_the_first(tmp_path: Path) -> None:
    opt_ml.write(tmp_path, ["training"], {})
    opt_ml.write(tmp_path, ["training"], {})  # the first has left no model
    (tmp_path / "model" / "earlier").touch()
    with pytest.raises(FileExistsError, match="has files of an earlier job"):
        opt_ml.write(tmp_path, ["training"], {})
    assert (tmp_path / "model" / "earlier").exists()


@pytest.mark.parametrize(
    ("encoding", "strings"),
    [
        (Encoding.JSON, ['"adam"', "3", "true", "null", "[1, 2]", '{"a": 1}']),
        (Encoding.PYTHON, ["adam", "3", "True", "None", "[1, 2]", "{'a': 1}"]),
        (Encoding.TEXT, ["adam", "3", "true", "null", "[1, 2]", '{"a": 1}']),
    ],
)
def test_values_become_strings_as_each_sdk_sends_them(tmp_path: Path, encoding: Encoding, strings: list[str]) -> None:
    values = {"optimizer": "adam", "epochs": 3, "final": True, "seed": None, "sizes": [1, 2], "more": {"a": 1}}
    opt_ml.write(tmp_path, [], values, form=Form(encoding))
    assert list(written(tmp_path)["hyperparameters.json"].values()) == strings


def test_the_few_keys_of_local_mode(tmp_path: Path) -> None:
    """As sagemaker 3.27.0 writes them in train/local/local_container.py."""
    opt_ml.write(tmp_path, ["training"], {}, form=Form(local_mode_keys=True, extra_files=False))
    assert written(tmp_path) == {
        "hyperparameters.json": {},
        "inputdataconfig.json": {"training": {"TrainingInputMode": "File"}},
        "resourceconfig.json": {
            "current_host": "algo-1",
            "current_instance_type": "local",
            "hosts": ["algo-1"],
            "network_interface_name": "ethwe",
        },
    }


def test_a_host_of_two_groups_reads_its_own_group(tmp_path: Path) -> None:
    groups = [Group("big", "ml.p3.2xlarge", ("algo-2", "algo-3")), Group("small", "ml.m5.large", ("algo-1",))]
    opt_ml.write(tmp_path, [], {}, "algo-3", groups=groups)
    resources = written(tmp_path)["resourceconfig.json"]
    assert resources["hosts"] == ["algo-1", "algo-2", "algo-3"]
    assert (resources["current_group_name"], resources["current_instance_type"]) == ("big", "ml.p3.2xlarge")
    assert [group["hosts"] for group in resources["instance_groups"]] == [["algo-2", "algo-3"], ["algo-1"]]


def test_manifests_are_beside_the_channels(tmp_path: Path) -> None:
    opt_ml.write(tmp_path, ["training", "validation"], {}, form=Form(manifests=True))
    names = sorted(path.name for path in (tmp_path / "input" / "data").iterdir())
    assert names == ["training-manifest", "validation-manifest"]


def test_the_two_ways_to_start_a_job_differ_in_all_that_breaks_images() -> None:
    same = {name for name in vars(PLATFORM) if getattr(PLATFORM, name) == getattr(LOCAL, name)}
    assert same == {"read_only", "toolkit"}


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        ("channel training is missing", True),
        ("ValueError: labels out of range\n\nTraceback (most recent call last):\n", True),
        ("", False),
        ("Traceback (most recent call last):\n  File ...\nValueError: labels", False),
        ("ExecuteUserScriptError:\nExitCode 1\n", False),
        (" " * 1024 + "too late to be seen", False),
    ],
)
def test_a_failure_says_why_in_its_first_line(failure: str, says: bool) -> None:
    assert says_why(failure) is says


def test_the_end_of_a_job_is_printed_in_one_line(tmp_path: Path) -> None:
    lines = (training_job.Line(0.5, "epoch 1", True), training_job.Line(0.9, "OSError: no such data", False))
    ended = JobResult(1, 1.04, lines, tmp_path)
    assert str(ended) == 'exit code 1 after 1.0 s: "OSError: no such data"'
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "failure").write_text("no data\nsecond line")
    assert str(ended) == 'exit code 1 after 1.0 s: "no data"'
    assert str(JobResult(0, 2, lines, tmp_path)) == "exit code 0 after 2.0 s"
    assert str(JobResult(None, 300, lines, tmp_path)) == "still running after 300 s"
