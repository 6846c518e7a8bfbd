"""How a check and its containers end: by a signal to the check, by SIGKILL, by somebody else's doing."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from local_test.check.core.points import Finding, Payload, Scenario, Subject, Verdict
from local_test.check.core.run import run
from local_test.check.hosting import scenarios
from local_test.check.hosting.lifecycle import damaged_model
from local_test.check.hosting.support import start_watch
from local_test.platform import engine, profiles
from local_test.platform.processes import takes_sigterm
from tests.contract.check import images
from tests.support.waiting import wait_until

COMMAND = """
import sys
from local_test.platform import engine
print(engine.RUN_LABEL[1], flush=True)
from local_test.__main__ import main
main()
"""
LOADED = '        factor = 1.0 if MULTI_MODEL else read(BASE / "model")\n'
STOPS = "lambda *_: threading.Thread(target=server.shutdown).start()"
FAILED = "        return 1\n"
HEALTHY = """\
        from http.server import HTTPServer
        Handler.do_GET = lambda self: (self.answer(200), os._exit(1))
        HTTPServer(("0.0.0.0", PORT), Handler).serve_forever()
"""


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    model, payload = images.laid(tmp_path / "model", images.MODEL), Payload(images.PAYLOAD, images.CONTENT_TYPE)
    return Subject(None, tmp_path / "scratch", model=model, payload=payload)


def found(point: str, subject: Subject) -> Finding:
    scenario = next(each for each in scenarios.SCENARIOS if point in [one.name for one in each.points])
    return next(finding for finding in run([scenario], subject) if finding.point.name == point)


def left(label: str) -> list[str]:
    listings = (["ps", "--all"], ["network", "ls"])
    commands = [[engine.DOCKER, *words, "--quiet", "--filter", f"label={label}"] for words in listings]
    return [line for words in commands for line in subprocess.check_output(words, text=True).split()]


@pytest.mark.engine
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("seconds", [0, 0.15, 0.4, 1.5])
def test_one_signal_ends_a_check_at_any_moment_and_nothing_stays(
    number: signal.Signals, seconds: float, subject: Subject, tmp_path: Path
) -> None:
    (scratch := tmp_path / "tmp").mkdir()
    command = [sys.executable, "-c", COMMAND, "check", images.build("good"), "--model", str(subject.model)]
    command += ["--data", f"training={images.laid(tmp_path / 'data', images.TRAINING)}", "-p", "epochs=1000"]
    environment = {**os.environ, "TMPDIR": str(scratch)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as check:
        assert check.stdout is not None
        label = check.stdout.readline().strip()
        wait_until(lambda: list(scratch.iterdir()), 60, "the check has begun")
        time.sleep(seconds)  # the moments are those of a start: before it, amid it and after it
        check.send_signal(number)
        _, errors = check.communicate(timeout=60)
    assert check.returncode == 128 + number, errors
    assert left(label) == []
    assert list(scratch.iterdir()) == []


def test_a_server_without_ping_is_broken_long_before_eight_minutes(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_watch, "SECONDS", 2.0)
    text = (images.GOOD / "serve").read_text(encoding="utf-8").replace('"/ping"', '"/health"')
    finding = found("H3-ready-in-time", replace(subject, programs=images.programs(tmp_path / "bare", {"serve": text})))
    assert finding.verdict is Verdict.BROKEN
    assert re.search(r"/ping did not return 200 within [2-9] s; the last answer: 404", finding.observed)


@pytest.mark.engine
def test_a_server_on_another_port_is_broken_long_before_eight_minutes_and_the_port_is_named(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start_watch, "SECONDS", 5.0)
    changed = images.changed("serve", ('("0.0.0.0", PORT)', '("0.0.0.0", 9000)'))
    finding = found("H2-address", replace(subject, image=images.build("other-port", files=changed)))
    assert finding.verdict is Verdict.BROKEN
    assert re.search(r"within \d\d? s; it listens on port 9000, not on 8080", finding.observed)


@pytest.mark.engine
def test_a_missing_program_is_named_as_docker_names_it(subject: Subject) -> None:
    finding = found("H1-serve", replace(subject, image=images.build("no-serve", ["RUN rm /usr/local/bin/serve"])))
    assert finding.verdict is Verdict.BROKEN
    assert 'exec: "serve": executable file not found' in finding.observed


@pytest.mark.engine
def test_a_payload_that_the_server_refuses_does_not_blame_the_disk(subject: Subject) -> None:
    refused = Payload(b'{"instances": "none"}', images.CONTENT_TYPE)
    finding = found("H14-full-disk", replace(subject, image=images.build("good"), payload=refused))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.observed.startswith("the response to the payload is 400")
    assert finding.observed.endswith("see H4-answer")


@pytest.mark.engine
def test_a_container_stopped_from_outside_decides_nothing(subject: Subject) -> None:
    damaged = next(each for each in damaged_model.SCENARIOS if damaged_model.DAMAGED in each.points)

    def stopped_meanwhile(of: Subject) -> list[Finding]:
        command = [sys.executable, "-c", STOPPER, engine.DOCKER, image]
        with subprocess.Popen(command):
            return list(damaged.run(of))

    scenario = Scenario("stopped", damaged.points, lambda of: iter(stopped_meanwhile(of)))
    slow = ["RUN sed -i 's/^def main():/def main():\\n    time.sleep(20)/' /usr/local/bin/serve"]
    image = images.build("stopped-from-outside", slow)
    [finding] = run([scenario], replace(subject, image=image))
    assert finding.verdict is Verdict.INCONCLUSIVE, finding
    assert "something other than this check sent SIGKILL" in finding.observed


STOPPER = """
import subprocess, sys, time
docker, image = sys.argv[1:]
while not (found := subprocess.check_output([docker, "ps", "-q", "--filter", f"ancestor={image}"], text=True).split()):
    time.sleep(0.1)
subprocess.run([docker, "kill", *found], check=True)
"""


@pytest.mark.parametrize(
    ("failure", "observed"),
    [
        ("        os._exit(137)\n", "SIGKILL ended it"),
        ("        os.kill(os.getpid(), 9)\n", "SIGKILL ended it"),
        ("        time.sleep(60)\n", "it neither exits nor responds to /ping after 5."),
        (HEALTHY, "/ping: 200"),
    ],
)
def test_a_damaged_model_must_not_hang_be_killed_or_look_healthy_for_a_moment(
    failure: str, observed: str, subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(damaged_model, "_SILENT_SECONDS", 5.0)
    changed = images.changed("serve", (FAILED, failure + FAILED))
    finding = found("H3-damaged-model", replace(subject, programs=images.programs(tmp_path / "programs", changed)))
    assert finding.verdict is Verdict.BROKEN, finding
    assert observed in finding.observed


def test_a_server_that_starts_and_fails_slowly_is_not_called_silent(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(damaged_model, "_SILENT_SECONDS", 1.0)
    slow = images.changed("serve", (LOADED, "        time.sleep(4)\n" + LOADED))
    finding = found("H3-damaged-model", replace(subject, programs=images.programs(tmp_path / "programs", slow)))
    assert finding.verdict is Verdict.PASSED, finding


@pytest.mark.parametrize("code", ["os._exit(137)", "os.kill(os.getpid(), 9)"])
def test_an_end_by_sigkill_is_not_a_stop_in_time(code: str, subject: Subject, tmp_path: Path) -> None:
    killed = images.changed("serve", (STOPS, f"lambda *_: {code}"))
    finding = found("H8-stops-in-time", replace(subject, programs=images.programs(tmp_path / "programs", killed)))
    assert finding.verdict is Verdict.BROKEN, finding
    assert "s after SIGTERM (exit code" in finding.observed


@pytest.mark.engine
def test_a_process_1_that_drops_sigterm_is_named_as_the_cause(
    subject: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = replace(profiles.LIMITS[subject.profile], stop_seconds=4)
    monkeypatch.setitem(profiles.LIMITS, subject.profile, limits)
    deaf = images.build("deaf", files=images.changed("serve", (f"    signal.signal(signal.SIGTERM, {STOPS})\n", "")))
    finding = found("H8-stops-in-time", replace(subject, image=deaf))
    assert finding.verdict is Verdict.BROKEN
    assert re.search(
        r"process 1 \((serve|python3)\) has no handler for SIGTERM, so the kernel drops the signal", finding.observed
    )


def test_a_process_that_waits_for_blocked_signals_takes_sigterm() -> None:
    assert takes_sigterm("SigBlk:\t0000000000004000\nSigCgt:\t0000000000000000\n") is True
    assert takes_sigterm("SigBlk:\t0000000000000000\nSigCgt:\t0000000000000000\n") is False
    assert takes_sigterm("") is None


@pytest.mark.parametrize(("shared", "verdict"), [(False, Verdict.PASSED), (True, Verdict.BROKEN)])
def test_ping_is_asked_beside_four_requests_of_a_second(
    shared: bool, verdict: Verdict, subject: Subject, tmp_path: Path
) -> None:
    """One thread for all keeps /ping waiting; as many threads as requests do not."""
    predicted = "                self.send(*self.predict(body, factor))\n"
    # with one thread, /ping waits for four requests: longer than the 4 s from which it is broken
    seconds = 2 if shared else 1
    changes = [(predicted, f"                time.sleep({seconds})\n" + predicted)]
    if shared:
        changes.append(
            ("class Server(ThreadingHTTPServer):", "from http.server import HTTPServer\nclass Server(HTTPServer):")
        )
        changes.append(('    protocol_version = "HTTP/1.1"\n', '    protocol_version = "HTTP/1.0"\n'))
    changed = images.changed("serve", *changes)
    finding = found("H3-ping-under-load", replace(subject, programs=images.programs(tmp_path / "programs", changed)))
    assert finding.verdict is verdict, finding
