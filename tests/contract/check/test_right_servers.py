"""Servers that do right in an unusual way, as the zoo's images were seen to: the check must not blame them."""

from dataclasses import replace
from pathlib import Path

import pytest

from local_test.check import catalogue
from local_test.check.core.points import Finding, Payload, Scenario, Subject, Verdict
from local_test.check.hosting.lifecycle import load, stop, tight
from local_test.check.hosting.requests import bodies, errors
from local_test.check.hosting.support.served import Judge, start_container
from local_test.platform.profiles import LIMITS, Conditions, Profile
from tests.contract.check import images
from tests.contract.check.mutants.changes import PREDICTED, before, instead
from tests.contract.check.mutants.run import faults
from tests.contract.check.test_check import run

_HANDLER = "    def refuse(self, status, reason):"


_START = '    server = Server(("0.0.0.0", PORT), Handler)\n'


def subject(folder: Path, *changes: tuple[str, str]) -> Subject:
    """The good program `serve` with *changes*, bare."""
    programs = images.programs(folder / "programs", images.changed("serve", *changes))
    model = images.laid(folder / "model", images.MODEL)
    payload = Payload(images.PAYLOAD, images.CONTENT_TYPE)
    return Subject(None, folder / "scratch", model=model, payload=payload, programs=programs)


def judged(judge: Judge, subject: Subject) -> dict[str, Finding]:
    with start_container(subject, "use", Conditions()) as start:
        assert start.served, start.reason
        return {finding.point.name: finding for finding in judge(start.served)}


def ran(scenario: Scenario, subject: Subject) -> dict[str, Finding]:
    return {finding.point.name: finding for finding in scenario.run(subject)}


def test_a_server_that_closes_on_a_header_of_100_kb_is_right(tmp_path: Path) -> None:
    """Node.js sends 431, and closes before the header has ended, so that the client may not get the 431."""
    silent = (_HANDLER, f"    def send_error(self, *_):\n        self.close_connection = True\n\n{_HANDLER}")
    assert faults(judged(errors.judge, subject(tmp_path, silent))) == {}


def test_a_forecast_that_depends_on_the_hour_and_on_no_body_is_right(tmp_path: Path) -> None:
    count = 'hour = len(Server.hours); Server.hours.append(hour); self.answer(200, JSON, b"%d" % (hour > 0))'
    hours = (_START, f"    Server.hours = []\n{_START}")
    assert faults(judged(bodies.judge, subject(tmp_path, hours, instead(PREDICTED, count)))) == {}


def test_a_server_that_refuses_chunked_bodies_with_501_passes(tmp_path: Path) -> None:
    refused = ("return self.chunks()", 'raise Refusal(501, "send a Content-Length")')
    assert faults(judged(bodies.judge, subject(tmp_path, refused))) == {}


def test_a_server_that_a_request_in_flight_keeps_from_its_end_gets_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiohttp 3 waits 60 s for a body that it no longer reads, and ends at once when it is idle."""
    monkeypatch.setitem(LIMITS, Profile.REAL_TIME, replace(LIMITS[Profile.REAL_TIME], stop_seconds=4))
    waits = before("    deadline = time.monotonic() + 25", "while in_flight:", "    time.sleep(0.1)")
    unread = before(PREDICTED, "if len(body) > 10**6:", "    time.sleep(60)")
    with start_container(subject(tmp_path, waits, unread), "use", Conditions()) as start:
        assert start.served, start.reason
        assert start.served.payload_answer  # as the points before it have asked for
        [finding] = [finding for finding in stop.judge(start.served) if finding.point is stop.IN_TIME]
    assert finding.verdict is Verdict.WARNING, finding
    assert "without a request in flight it exits after" in finding.observed


def test_pythons_cache_of_the_models_code_is_not_taken_for_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the model.py of AWS's model-hosting-container-standards leaves it, where the folder is writable."""
    monkeypatch.setattr(load, "_SECONDS", 0.2)
    cache = (
        f"{_START}    cache = BASE / 'model' / '__pycache__'\n    cache.mkdir()\n    (cache / 'model.pyc').touch()\n"
    )
    findings = ran(load.SCENARIOS[0], subject(tmp_path, (_START, cache)))
    assert findings["H9-nothing-written"].verdict is Verdict.PASSED, findings["H9-nothing-written"]


@pytest.mark.engine
def test_two_megabytes_in_tmp_are_not_a_full_disk(tmp_path: Path) -> None:
    """mosec lays its web pages there."""
    pages = f"{_START}    Path('/tmp/pages').write_bytes(bytes(2_051_985))\n"
    image = images.build("pages", files=images.changed("serve", (_START, pages)))
    findings = ran(tight.SCENARIOS[0], replace(subject(tmp_path), image=image, programs=None))
    assert findings["H14-full-disk"].verdict is Verdict.PASSED, findings["H14-full-disk"]


@pytest.mark.parametrize("name", ["T3-opt-ml", "T13-signal"])
def test_what_an_image_by_awss_own_readme_does_is_a_warning(name: str) -> None:
    """sagemaker-training has its program under /opt/ml and no handler of SIGTERM; so has scikit_bring_your_own."""
    [level] = [point.level for scenario in catalogue.ALL for point in scenario.points if point.name == name]
    assert level is Verdict.WARNING


@pytest.mark.engine
def test_folders_with_colons_and_commas_in_their_names_are_mounted(tmp_path: Path) -> None:
    """Such as those that are named after a date and time."""
    model = images.laid(tmp_path / 'model 10:00:00, "b"', images.MODEL)
    data = images.laid(tmp_path / "data 10:00:00, b", images.TRAINING)
    words = ["--only", "H3-ready-in-time,T12-exit-code", "--model", model, "--data", f"training={data}"]
    done = run("check", images.build("good"), *words)
    assert done.returncode == 0, done.stdout
    assert ": 2 passed, in" in done.stdout.splitlines()[-1]
