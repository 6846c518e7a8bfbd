"""The run of the check, its reports and its command line."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from local_test.__main__ import train
from local_test.check.command import check
from local_test.check.core import run as core_run
from local_test.check.core.points import Finding, Part, Point, Scenario, Subject, Verdict
from local_test.check.core.run import applicable
from local_test.check.core.run import run as run_scenarios
from local_test.platform import container, engine
from local_test.platform.profiles import Profile
from tests.contract.check import images
from tests.support.waiting import wait_until

SUBJECT = Subject(None, Path("/nonexistent"))


def point(name: str, part: Part = Part.TRAINING, **fields: object) -> Point:
    return Point(name, part, "this", "that page", "do it", **fields)  # type: ignore[arg-type] # as the test says


def scenario(*points: Point, alone: bool = False) -> Scenario:
    """All points hold."""
    return Scenario("all hold", points, lambda _: (Finding(each, Verdict.PASSED, "yes") for each in points), alone)


def run(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "local_test", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "150", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=1800)


def test_every_point_gets_a_finding_whatever_its_scenario_does() -> None:
    one, two, three = (point(f"T1-{word}") for word in ("one", "two", "three"))

    def breaks(_: Subject) -> Iterator[Finding]:
        yield Finding(one, Verdict.PASSED, "yes")
        raise OSError(28, "no space\nleft")

    findings = run_scenarios(
        [Scenario("breaks", (one, two), breaks), Scenario("silent", (three,), lambda _: iter(()))], SUBJECT
    )
    assert [(found.point, found.verdict, found.observed) for found in findings] == [
        (one, Verdict.PASSED, "yes"),
        (two, Verdict.INCONCLUSIVE, '"breaks" failed: OSError: [Errno 28] no space left'),
        (three, Verdict.INCONCLUSIVE, '"silent" did not decide this point'),
    ]


def test_a_scenario_that_measures_time_runs_when_no_other_does() -> None:
    running, met, lock, several = set[str](), defaultdict[str, set[str]](set), threading.Lock(), threading.Event()

    def watched(name: str, alone: bool) -> Scenario:
        mine = point(f"T1-{name}")

        def work(_: Subject) -> Iterator[Finding]:
            with lock:
                running.add(name)
                for each in running:
                    met[each] |= running
                if len(running) > 1:
                    several.set()
            time.sleep(0.1) if alone else several.wait(10)  # so long another could wrongly begin
            with lock:
                running.remove(name)
            yield Finding(mine, Verdict.PASSED, "")

        return Scenario(name, (mine,), work, alone)

    names = ["a", "b", "alone-1", "c", "alone-2"]
    findings = run_scenarios([watched(name, name.startswith("alone")) for name in names], SUBJECT)
    assert [found.point.name for found in findings] == [f"T1-{name}" for name in names]
    assert met["alone-1"] == {"alone-1"}
    assert met["alone-2"] == {"alone-2"}
    assert several.is_set()


def test_scenarios_that_wait_for_a_result_do_not_delay_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_run, "_AT_ONCE", 1)
    late = replace(scenario(point("T1-late")), name="late", late=True)
    alone = replace(scenario(point("H1-alone", Part.HOSTING), alone=True), name="alone")
    hosting = replace(scenario(point("H1-x", Part.HOSTING)), name="hosting")
    training = replace(scenario(point("T1-x")), name="training")
    order: list[str] = []
    findings = run_scenarios([late, alone, hosting, training], SUBJECT, started=lambda each: order.append(each.name))
    assert order == ["training", "hosting", "late", "alone"]
    assert [found.point.name for found in findings] == ["T1-late", "H1-alone", "H1-x", "T1-x"]


def test_only_points_that_apply_are_decided() -> None:
    serverless = point("H14-x", Part.HOSTING, profiles=frozenset({Profile.SERVERLESS}))
    hosting, training = point("H1-x", Part.HOSTING), point("T1-x")
    of_the_image = point("T1-y", Part.IMAGE, requires=Part.TRAINING)
    every = [scenario(serverless, hosting), scenario(training), scenario(of_the_image)]

    def names(subject: Subject) -> set[str]:
        return {each.name for kept in applicable(every, subject) for each in kept.points}

    assert names(SUBJECT) == {"H1-x", "T1-x", "T1-y"}
    assert names(Subject(None, Path(), frozenset({Part.HOSTING}), Profile.SERVERLESS)) == {"H14-x", "H1-x"}
    assert names(Subject(None, Path(), frozenset({Part.IMAGE, Part.HOSTING}))) == {"H1-x"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give one of IMAGE, FOLDER, --bare FOLDER and --url URL"),
        (["x", "--bare", "."], "give one of IMAGE, FOLDER, --bare FOLDER and --url URL"),
        ([""], "no image and no folder is named ''"),
        (["--", "--help"], "no image and no folder is named '--help'"),
        (["--bare", ".", "--payload", __file__], "--payload and --content-type need each other"),
        (["--bare", ".", "--payload", __file__, "--content-type", ""], "--payload and --content-type need each other"),
        (["--bare", ".", "--data", "training"], "'training'; expected CHANNEL=FOLDER"),
        (["--bare", ".", "--data", "training=/no/such"], "channel training: /no/such is not a folder"),
        (["--bare", ".", "--env", "=x"], "'=x'; expected KEY=VALUE"),
        (["--bare", ".", "--hosting", "fast"], "'fast' is not one of"),
        (["--bare", ".", "--format", "yaml"], "'yaml' is not one of"),
        (["--bare", ".", "--only", "hosting,T55"], "'T55', did you mean T5?"),
        (["--bare", ".", "--instance-type", "ml.m5.lagre"], "'ml.m5.lagre' is no instance type, such as ml.m5.large"),
        (["--bare", ".", "--instance-type", "ml.c7g.large"], "ml.c7g.large is for hosting only; add --only hosting"),
        (
            ["--bare", ".", "--only", "hosting", "--instance-type", "ml.c7g.large", "--hosting", "batch"],
            "ml.c7g.large does not run batch transform",
        ),
        (
            ["--bare", ".", "--only", "hosting", "--instance-type", "ml.m5.large", "--hosting", "serverless"],
            "--instance-type does not go with --hosting serverless",
        ),
        (["--bare", ".", "--only", "H14-any-user"], "no point of --only applies to hosting, real-time"),
    ],
)
def test_wrong_use_is_refused_in_one_line(arguments: list[str], words: str) -> None:
    done = CliRunner().invoke(check, arguments, terminal_width=150)
    assert done.exit_code == 2
    assert words in done.output


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ("training", "program `train`; add it, or use --only hosting"),
        ("hosting", "program `serve`; add it, or use --only training"),
    ],
)
@pytest.mark.parametrize("there", [False, True])
def test_a_folder_without_the_program_is_refused_in_one_line(
    part: str, words: str, there: bool, tmp_path: Path
) -> None:
    if there:  # but not executable
        (tmp_path / "train").touch()
        (tmp_path / "serve").touch()
    done = CliRunner().invoke(check, ["--bare", str(tmp_path), "--only", part])
    assert done.exit_code == 2
    assert done.output == f"Error: {tmp_path} has no executable {words}\n"


def test_a_report_that_cannot_be_written_is_refused_before_the_run_with_exit_code_2(tmp_path: Path) -> None:
    for name in ("train", "serve"):
        (tmp_path / name).touch(0o755)
    done = CliRunner().invoke(check, ["--bare", str(tmp_path), "--output", "/dev/null/report"])
    assert done.exit_code == 2
    assert done.output == "Error: cannot write the report to /dev/null/report: Not a directory\n"


def test_a_report_that_cannot_be_written_exits_with_2_not_1(tmp_path: Path) -> None:
    (taken := tmp_path / "out" / "check.html").mkdir(parents=True)
    programs, model = images.programs(tmp_path / "programs"), images.laid(tmp_path / "model", images.MODEL)
    words = ["check", "--bare", programs, "--model", model, "--only", "H3-ping-in-time"]
    done = run(*words, "--output", taken.parent)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == f"Error: cannot write the report: [Errno 21] Is a directory: '{taken}'"
    done = run(*words, "--format", "github", GITHUB_STEP_SUMMARY=str(tmp_path / "none" / "summary"))
    assert (done.returncode, "No such file or directory" in done.stderr.splitlines()[-1]) == (2, True)


@pytest.mark.parametrize("command", [check, train])
def test_a_value_is_read_as_json_where_it_is_json(command: click.Command, tmp_path: Path) -> None:
    words = {"check": ["--bare"], "train": ["--training"]}[command.name or ""] + [str(tmp_path)]
    for text in ("epochs=5", "lr=0.1", "opt=adam", 'id="5"', "final=true", "formula=a=b"):
        words += ["-p", text]
    read = command.make_context(command.name, words).params["hyperparameters"]
    assert read == {"epochs": 5, "lr": 0.1, "opt": "adam", "id": "5", "final": True, "formula": "a=b"}


def test_a_check_without_an_engine_says_how_to_do_without() -> None:
    done = run("check", "x", DOCKER="no-such-program")
    assert done.returncode == 2
    assert done.stderr == "Error: no Docker engine is reachable; start one, or check with --bare FOLDER or --url URL\n"


@pytest.mark.parametrize("kind", ["link", "outside", "no archive"])
def test_an_archive_that_the_platform_would_refuse_is_not_unpacked(kind: str, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("../escaped" if kind == "outside" else "link")
        if kind == "link":
            member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member, io.BytesIO())
    if kind == "no archive":
        (tmp_path / "model.tar.gz").write_text("a model")
    words = ["--bare", images.programs(tmp_path / "programs"), "--model", tmp_path / "model.tar.gz"]
    done = run("check", *words, TMPDIR=str(scratch))
    assert done.returncode == 2
    assert list(scratch.iterdir()) == []
    assert {"link": "neither a file nor a folder", "outside": "outside", "no archive": "unpacked"}[kind] in done.stderr


def test_bare_programs_are_checked_with_a_packed_model(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(images.PAYLOAD)
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as archive:
        archive.add(images.laid(tmp_path / "model", images.MODEL), ".")
    words = ["check", "--only", "hosting", "--model", tmp_path / "model.tar.gz", "--payload", tmp_path / "one.json"]
    words += ["--content-type", images.CONTENT_TYPE, "--output", tmp_path / "out"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    good = run(*words, "--verbose", "--bare", images.programs(tmp_path / "good"), TMPDIR=str(scratch))
    assert good.returncode == 0, good.stdout + good.stderr
    assert "H4-answer" in good.stdout
    written = json.loads((tmp_path / "out" / "check.json").read_text())
    assert {found["part"] for found in written["findings"]} == {"hosting"}
    assert list(scratch.iterdir()) == []


def test_a_server_that_answers_ping_to_get_only_gets_a_warning_and_no_failure(tmp_path: Path) -> None:
    """As AWS's model-hosting-container-standards does."""
    refused = '            if path == "/ping":\n                raise Refusal(405, path)\n'
    changed = images.changed("serve", (refused.replace("raise Refusal(405, path)", "self.answer(200)"), refused))
    programs = images.programs(tmp_path / "programs", changed)
    (programs / "train").unlink()  # points of hosting do not need it
    words = ["check", "--bare", programs, "--model", images.laid(tmp_path / "model", images.MODEL)]
    words += ["--only", "H3-ping-by-post,H3-ping-in-time"]
    done = run(*words)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)  # one scenario ran
    assert done.stdout.startswith("warning  H3-ping-by-post\n")  # without colours, in a pipe
    assert ": 1 passed, 1 warning, in" in done.stdout.splitlines()[-1]
    strict = run(*words, "--strict", "--format", "github")
    assert strict.returncode == 1
    assert strict.stdout.startswith("::warning title=H3-ping-by-post::expected: POST /ping returns 200")
    assert ": 1 passed, 1 warning, in" in strict.stderr.splitlines()[-1]
    as_json = run(*words, "--format", "json", "--output", tmp_path / "out")
    assert as_json.stdout == (tmp_path / "out" / "check.json").read_text()


@pytest.mark.engine
def test_an_image_without_chown_is_not_an_error(tmp_path: Path) -> None:
    container.restore_owner(images.build("chown", ["RUN rm /bin/chown"]), tmp_path, os.getuid() + 1, os.getgid())
    assert tmp_path.stat().st_uid == os.getuid()


@pytest.mark.engine
def test_what_is_broken_ends_it_with_1_and_the_fix() -> None:
    done = run("check", images.build("run-bit", ["RUN chmod 644 /usr/local/bin/serve"]), "--only", "image")
    assert done.returncode == 1
    assert "run chmod +x" in done.stdout
    assert " 1 broken" in done.stdout.splitlines()[-1]


@pytest.mark.engine
def test_an_interrupted_check_leaves_no_container_and_no_file(tmp_path: Path) -> None:
    image = images.build("interrupted", ["ENV UNIQUE=1"])

    def containers() -> list[str]:
        command = [engine.DOCKER, "ps", "--all", "--quiet", "--filter", f"ancestor={image}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    command = [sys.executable, "-m", "local_test", "check", image, "--data"]
    command += [f"training={images.laid(tmp_path / 'data', images.TRAINING)}", "-p", "epochs=1000"]
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    environment = {**os.environ, "TMPDIR": str(scratch)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def two_run() -> bool:
        assert process.poll() is None
        return len(containers()) >= 2

    wait_until(two_run, 120, "two containers run")
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: len(containers()) < 2, 60, "the first container is removed")
    process.send_signal(signal.SIGINT)  # it makes no difference
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert "interrupted" in errors
    assert containers() == []
    assert list(scratch.iterdir()) == []
