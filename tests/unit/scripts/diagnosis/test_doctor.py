"""The doctor names the cause of real failures, and reports none where nothing has failed."""

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from local_test.check.command import check
from scripts import doctor
from scripts.diagnosis import knowledge

HERE = Path(__file__).parent
PROVOKED: Mapping[str, str] = json.loads((HERE / "provoked.json").read_text(encoding="utf-8"))
QUOTED = tomllib.loads((HERE / "quoted.toml").read_text(encoding="utf-8"))
HEALTHY = tomllib.loads((HERE / "healthy.toml").read_text(encoding="utf-8"))
FAILED: list[tuple[str, str]] = [
    *((name.split()[0], text) for name, text in PROVOKED.items()),
    *((entry["cause"], entry["text"]) for entry in QUOTED["log"]),
    *((entry["cause"], json.dumps(entry["content"])) for entry in QUOTED["description"]),
]
UNHARMED = [
    *(entry["text"] for entry in HEALTHY["log"]),
    *(json.dumps(entry["content"]) for entry in HEALTHY["description"]),
]

CHECKS = {found for cause in knowledge.causes() for found in re.findall(r"local_test check ([^;]+)", cause.remedy)}


@pytest.fixture(autouse=True)
def without_an_account(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_ROLE_ARN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def run(text: str, folder: Path, *options: str) -> Result:
    path = folder / "saved.txt"
    path.write_text(text, encoding="utf-8")
    return CliRunner().invoke(doctor.main, [str(path), *options])


@pytest.mark.parametrize(("cause", "text"), FAILED, ids=[cause for cause, _ in FAILED])
def test_the_cause_of_a_failure_is_named_first(cause: str, text: str, tmp_path: Path) -> None:
    done = run(text, tmp_path, "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["diagnosis"]["id"] == cause


@pytest.mark.parametrize("text", UNHARMED)
def test_a_log_without_a_failure_gets_no_cause(text: str, tmp_path: Path) -> None:
    done = run(text, tmp_path, "--json")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["diagnosis"] is None


@pytest.mark.parametrize("path", ["container.log", "logs/container"])
def test_a_misspelt_file_is_not_looked_for_in_an_aws_account(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    done = CliRunner().invoke(doctor.main, [path])
    assert done.exit_code == 2
    assert done.output == f"Error: no such file: {path}\n"


def test_every_cause_of_the_table_has_a_log_and_a_remedy() -> None:
    tested = {cause for cause, _ in FAILED}
    assert [cause.id for cause in knowledge.causes() if cause.id not in tested] == ["ping-no-log"]
    assert [cause.id for cause in knowledge.causes() if cause.remedy.endswith(".") or not cause.source] == []
    assert len({cause.id for cause in knowledge.causes()}) == len(knowledge.causes()) >= 40


def test_a_cause_with_the_source_reproduced_has_a_reproduced_log() -> None:
    provoked = {name.split()[0] for name in PROVOKED}
    quoted_only = [
        cause.id for cause in knowledge.causes() if "reproduced" in cause.source and cause.id not in provoked
    ]
    assert quoted_only == []


@pytest.mark.parametrize("command", sorted(CHECKS))
def test_a_check_that_a_remedy_names_has_options_and_points_that_exist(command: str) -> None:
    check.make_context("check", command.split())  # raises what the command line would print


def test_the_report_shows_cause_proof_remedy_and_source(tmp_path: Path) -> None:
    done = run(PROVOKED["module-missing 2"], tmp_path)
    assert done.output.splitlines()[0] == "cause     the program imports lightgbm, which the image lacks"
    assert done.output.splitlines()[1] == "evidence  log: ModuleNotFoundError: No module named 'lightgbm'"
    assert "import lightgbm" in done.output.splitlines()[2]


def test_a_failure_of_no_known_cause_shows_the_end_of_its_log(tmp_path: Path) -> None:
    text = '{"TrainingJobName": "mine", "TrainingJobStatus": "Failed", "FailureReason": "the dog ate it"}'
    done = run(text, tmp_path)
    assert done.exit_code == 1
    assert "the dog ate it" in done.output
    assert "unknown" in done.output


def test_the_image_of_a_description_is_in_the_remedy(tmp_path: Path) -> None:
    content: dict[str, Any] = {
        "TrainingJobName": "mine", "TrainingJobStatus": "Failed", "FailureReason": "AlgorithmError: , exit code: 1",
        "AlgorithmSpecification": {"TrainingImage": "111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:7"},
    }  # fmt: skip
    done = run(json.dumps(content), tmp_path)
    assert "check 111122223333.dkr.ecr.us-east-1.amazonaws.com/mine:7 --only T11-failure-reason" in done.output


def test_an_arn_of_something_else_is_refused_in_one_line() -> None:
    done = CliRunner().invoke(doctor.main, ["arn:aws:s3:::bucket"])
    assert done.exit_code == 2
    assert done.output.count("\n") == 1
    assert "training-job" in done.output


def test_control_characters_of_a_log_do_not_reach_the_terminal(tmp_path: Path) -> None:
    done = run("\x1b[31mModuleNotFoundError: No module named 'x'\x1b[0m", tmp_path)
    assert "\x1b" not in done.output
