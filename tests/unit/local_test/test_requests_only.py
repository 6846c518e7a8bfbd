"""A check of a server that runs already, which needs no engine."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from local_test.check.command import check
from local_test.check.core.points import ONLY_A_CONTAINER, Part, Payload, Subject, Verdict
from local_test.check.hosting.requests import invocations
from local_test.check.hosting.support.running import RunningServer
from local_test.platform.profiles import LIMITS, Profile
from tests.contract.check import images
from tests.contract.check.test_check import run
from tests.support.waiting import wait_until


@contextmanager
def server(folder: Path, *changes: tuple[str, str]) -> Iterator[str]:
    """The good server with *changes*, on a port of its own; its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    programs = images.programs(folder / "programs", images.changed("serve", *changes))
    images.laid(folder / "opt-ml" / "model", images.MODEL)
    environment = {**os.environ, "SAGEMAKER_BASE_DIR": str(folder / "opt-ml"), "SAGEMAKER_BIND_TO_PORT": str(port)}
    with subprocess.Popen([sys.executable, programs / "serve"], env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, 60, "the server listens")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def checked(
    url: str, folder: Path, *words: str
) -> tuple[dict[str, dict[str, str]], "subprocess.CompletedProcess[str]"]:
    """Return the findings by point, and how the check ended, where no engine is."""
    (folder / "one.json").write_bytes(images.PAYLOAD)
    options = ["--url", url, "--payload", folder / "one.json", "--content-type", images.CONTENT_TYPE]
    done = run("check", *options, "--output", folder / "out", *words, DOCKER="no-such-program")
    findings = json.loads((folder / "out" / "check.json").read_text())["findings"]
    return {found["point"]: found for found in findings}, done


def test_a_good_server_that_runs_is_checked_without_an_engine_and_runs_on(tmp_path: Path) -> None:
    with server(tmp_path) as url:
        findings, done = checked(url, tmp_path)
        again, _ = checked(url, tmp_path, "--only", "H3-ping-in-time")
    assert done.returncode == 0, done.stdout + done.stderr
    assert again["H3-ping-in-time"]["verdict"] == "passed"  # it was not stopped
    for point in ("H4-answer", "H4-accept-in-time", "H3-ping-under-load", "H7-broken-body"):
        assert findings[point]["verdict"] == "passed", findings[point]
    for point in ("H1-serve", "H8-stops-in-time", "H3-damaged-model", "H3-worker-replaced", "H12-list"):
        assert findings[point]["verdict"] == "not applicable"
    assert {found["part"] for found in findings.values()} == {"hosting"}
    assert done.stdout.count(ONLY_A_CONTAINER) == 1
    assert done.stdout.splitlines()[-1].startswith(f"{url}, real-time: ")


HEALTHY = '        if path == "/ping":\n            self.answer(200)\n        elif path == "/exec'
REFUSED = 'raise Refusal(400, "expected a list of numbers") from None'


@pytest.mark.parametrize(
    ("change", "point"),
    [((HEALTHY, HEALTHY.replace("200", "503")), "H3-ready-in-time"), ((REFUSED, "os._exit(1)"), "H7-broken-body")],
    ids=["it is not healthy", "it dies of a bad body"],
)
def test_a_fault_that_requests_show_is_found(change: tuple[str, str], point: str, tmp_path: Path) -> None:
    with server(tmp_path, change) as url:
        findings, done = checked(url, tmp_path, "--only", f"H4-answer,{point}")
    assert done.returncode == 1
    assert findings[point]["verdict"] == "broken", findings


def test_a_missing_server_is_reported_in_one_line() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        done = run("check", "--url", url)
    assert (done.returncode, done.stderr) == (2, f"Error: no server at {url}: Connection refused\n")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--url", "https://model:8080"], "'https://model:8080'; expected http://HOST:PORT"),
        (["--url", "http://[::1]:8080"], "with a name or an IPv4 address"),
        (["--url", "http://model:http"], "'http://model:http'; expected http://HOST:PORT"),
        (["--url", "http://model:8080/ping"], "expected http://HOST:PORT"),
        (["--url", "http://model", "--model", "."], "--model does not go with --url"),
        (["--url", "http://model", "--env", "A=b"], "--env does not go with --url"),
        (["--url", "http://model", "-p", "epochs=1"], "--hyperparameter does not go with --url"),
        (["--url", "http://model", "--instance-type", "ml.m5.large"], "--instance-type does not go with --url"),
        (["--url", "http://model", "--hosting", "multi-model"], "--url does not go with --hosting multi-model"),
        (["--url", "http://model", "--only", "training"], "no point of --only applies to hosting, real-time"),
    ],
)
def test_options_that_do_not_apply_to_a_running_server_are_refused(words: list[str], reason: str) -> None:
    done = CliRunner().invoke(check, words, terminal_width=150)
    assert done.exit_code == 2
    assert reason in done.output


@pytest.mark.parametrize(
    ("profile", "waits", "verdict"),
    [
        (Profile.ASYNC, (0.5, 3600), Verdict.WARNING),
        (Profile.BATCH, (0.5, 3600), Verdict.WARNING),
        (Profile.ASYNC, (0.9, 0.9), Verdict.WARNING),  # a faster machine may be in time
        (Profile.ASYNC, (900, 3600), Verdict.PASSED),
    ],
)
def test_an_answer_later_than_the_platforms_default_limit_is_a_warning(
    profile: Profile, waits: tuple[float, float], verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = replace(LIMITS[profile], default_answer_seconds=waits[0], answer_seconds=waits[1])
    monkeypatch.setitem(LIMITS, profile, limits)
    predicted = "                self.send(*self.predict(body, factor))\n"
    with server(tmp_path, (predicted, "                time.sleep(1)\n" + predicted)) as url:
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        payload = Payload(images.PAYLOAD, images.CONTENT_TYPE)
        subject = Subject(None, tmp_path, frozenset({Part.HOSTING}), profile, payload=payload, url=address)
        finding = next(invocations.judge(RunningServer(subject)))  # the requests of the other points take 20 s
    assert (finding.point, finding.verdict) == (invocations.ANSWER, verdict), finding


def test_the_platform_waits_15_minutes_for_async_and_10_for_batch() -> None:
    waits = {profile: limits.default_answer_seconds for profile, limits in LIMITS.items()}
    assert waits == {
        Profile.REAL_TIME: 60,
        Profile.SERVERLESS: 60,
        Profile.MULTI_MODEL: 60,
        Profile.ASYNC: 900,
        Profile.BATCH: 600,
    }
    assert {profile: limits.body_bytes for profile, limits in LIMITS.items()}[Profile.SERVERLESS] == 4 * 10**6
