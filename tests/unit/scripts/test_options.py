"""What all commands have in common: --json, --dry-run, exit codes, Ctrl-C."""

import importlib
import json
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from scripts import dry_run
from scripts.errors import Failure, OperationError
from scripts.options import Command, result
from tests.unit.scripts.test_start import COMMANDS

READ_ONLY = {"scripts.doctor", "scripts.status", "scripts.tune_results"}
LOCAL = {"scripts.sagemaker_local", "scripts.sdk_v3", "scripts.transform_local", "scripts.tune_local"}
OLD_AND_NEW = [name for name in COMMANDS if isinstance(importlib.import_module(name).main, Command)]

ROLE = "arn:aws:iam::111122223333:role/service/traffic-signs@1"


def run(error: BaseException | None, *options: str) -> Result:
    @click.command(cls=Command, changes_aws=True)
    def main() -> None:
        result(name="mine")
        click.echo("words for people")
        if error:
            raise error
        result(status="Completed")

    return CliRunner().invoke(main, options)


def test_the_document_is_all_of_standard_output() -> None:
    done = run(None, "--json")
    assert json.loads(done.stdout) == {"name": "mine", "status": "Completed"}
    assert done.stderr == "words for people\n"
    assert run(None).stdout == "words for people\n"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (Failure("no such file"), 2, "no such file"),
        (click.UsageError("choose one"), 2, "choose one"),
        (OperationError("the job failed"), 1, "the job failed"),
        (KeyboardInterrupt(), 130, "interrupted; nothing was created or changed"),
        (click.Abort(), 130, "interrupted; nothing was created or changed"),
        (ValueError("not thought of"), 1, "ValueError: not thought of"),
    ],
)
def test_a_failure_has_its_exit_code_and_is_in_the_document(error: BaseException, code: int, words: str) -> None:
    done = run(error, "--json")
    assert done.exit_code == code
    assert json.loads(done.stdout) == {"name": "mine", "error": words}


@pytest.mark.parametrize(
    ("role", "reason"),
    [
        ([], "Missing option '--role' (env var: 'SAGEMAKER_ROLE'). docs/iam-and-costs.md"),
        (["--role", "traffic-signs"], "'traffic-signs' is no ARN of a role, such as arn:aws:iam::"),
        (["--role", ROLE.replace(":role/", ":user/")], "is no ARN of a role"),
        (["--role", f"{ROLE} "], "is no ARN of a role"),
        (["--role", ROLE, "--max-hours", "nan"], "'--max-hours': nan"),  # the role is right, so the next value is wrong
    ],
)
@pytest.mark.parametrize("command", ["train", "prepare", "tune"])
def test_a_role_that_is_missing_or_no_arn_is_said_before_anything_starts(
    command: str, role: list[str], reason: str
) -> None:
    given = ["s3://bucket/key"] if command == "prepare" else ["--training", "scripts"]
    module = importlib.import_module(f"scripts.{command}")
    done = CliRunner().invoke(module.main, [*given, "--image", "URI", *role], env={"SAGEMAKER_ROLE": None})
    assert done.exit_code == 2
    assert reason in done.stderr


@pytest.mark.parametrize("number", ["nan", "inf"])
@pytest.mark.parametrize(
    "words",
    [
        ["deploy", "--invocations"],
        ["inventory", "--hours"],
        ["invoke", "scripts", "--timeout"],
        ["prepare", "s3://bucket/key", "--image", "URI", "--role", ROLE, "--max-hours"],
    ],
)
def test_no_limit_is_nan_or_infinite(words: list[str], number: str) -> None:
    done = CliRunner().invoke(importlib.import_module(f"scripts.{words[0]}").main, [*words[1:], number])
    assert done.exit_code == 2
    assert f"'{words[-1]}': {number}" in done.stderr


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["deploy", "--approved", ""], "--approved"),
        (["deploy", "--tag", "a=b", "--tag", ""], "--tag"),
        (["rollback", "traffic-signs-live", "--to="], "--to"),
        (["update", ""], "ENDPOINT"),
    ],
)
def test_the_value_of_an_unset_variable_is_not_taken_for_an_omitted_option(words: list[str], name: str) -> None:
    done = CliRunner().invoke(importlib.import_module(f"scripts.{words[0]}").main, words[1:])
    assert done.exit_code == 2
    assert f"'{name}': it is empty" in done.stderr


@pytest.mark.parametrize("words", [["--typo"], ["--canary", "many"], ["--job", ""]])
def test_misuse_is_a_document_too(words: list[str]) -> None:
    done = CliRunner().invoke(importlib.import_module("scripts.update").main, ["traffic-signs-live", *words, "--json"])
    assert done.exit_code == 2
    assert words[0] in json.loads(done.stdout)["error"]


def test_ctrl_c_is_one_line_without_a_traceback() -> None:
    done = run(KeyboardInterrupt())
    assert done.stderr == "Error: interrupted; nothing was created or changed\n"


def test_a_dry_run_prints_what_is_not_sent_and_ends_where_the_command_would_wait() -> None:
    @click.command(cls=Command, changes_aws=True)
    def main() -> None:
        click.echo("words for people")
        recorder = dry_run.recorder()
        assert recorder
        recorder.record(command=["docker", "push", b"12345", 7])
        dry_run.end()
        raise AssertionError

    done = CliRunner().invoke(main, ["--dry-run"])
    assert (done.exit_code, done.stdout) == (0, '{"command": ["docker", "push", "<5 bytes>", 7]}\n')
    document = json.loads(CliRunner().invoke(main, ["--dry-run", "--json"]).stdout)
    assert document == {"dry_run": True, "requests": [{"command": ["docker", "push", "<5 bytes>", 7]}]}


def test_no_other_command_is_a_dry_run_after_one() -> None:
    run(None, "--dry-run")
    assert not dry_run.is_on()


@pytest.mark.parametrize("module", OLD_AND_NEW)
def test_every_command_has_its_options(module: str) -> None:
    main: Any = importlib.import_module(module).main
    options = {option for parameter in main.params for option in parameter.opts}
    assert "--json" in options
    assert ("--dry-run" in options) == (module not in READ_ONLY | LOCAL)


@pytest.mark.parametrize("module", COMMANDS)
def test_misuse_ends_with_2(module: str) -> None:
    assert CliRunner().invoke(importlib.import_module(module).main, ["--no-such-option"]).exit_code == 2
