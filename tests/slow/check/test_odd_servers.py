"""Servers that are unusual and right get no fault; their wrong neighbours do; and no verdict changes its mind."""

from dataclasses import replace
from pathlib import Path

import pytest

from local_test.check.core.points import Subject, Verdict
from local_test.check.hosting.requests import errors
from local_test.check.hosting.support.served import start_container
from local_test.platform import profiles
from local_test.platform.profiles import Conditions
from tests.contract.check import images
from tests.contract.check.mutants.changes import EMPTY_ANSWERED, LOCK, PREDICTED, Change, before
from tests.contract.check.mutants.run import faults
from tests.slow.check.test_hosting import found, of, patience, subject

__all__ = ["patience", "subject"]  # fixtures
ONE_AT_A_TIME = before(LOCK, "one = threading.Lock()")
NUMBER = '            raise Refusal(400, "Content-Length is no number")'
HUNG_UP = (NUMBER, NUMBER.replace("Refusal(400, ", "ConnectionError("))
SKIPPED = (NUMBER, "            raise MemoryError")
RIGHT: dict[str, list[Change]] = {
    "computes one request at a time, the others wait": [
        ONE_AT_A_TIME, before(PREDICTED, "with one:", "    time.sleep(0.3)"),
    ],
    "hangs up on a malformed request": [HUNG_UP],
    "answers an empty body with 200": [EMPTY_ANSWERED],
    "answers differently each time": [('{"predictions": products}', '{"predictions": products, "at": time.time_ns()}')],
    "closes each connection, and says so": [before(PREDICTED, "self.close_connection = True")],
    "answers every body alike": [("[float(value) * factor for value in instances]", "[1.0]")],
}  # fmt: skip


def programs(tmp_path: Path, *changes: Change) -> Path:
    return images.programs(tmp_path / "odd", images.changed("serve", *changes))


@pytest.mark.parametrize("kind", RIGHT)
def test_a_correct_but_unusual_server_has_no_fault(kind: str, subject: Subject, tmp_path: Path) -> None:
    assert faults(found(of("H1-serve"), replace(subject, programs=programs(tmp_path, *RIGHT[kind])))) == {}


@pytest.mark.parametrize(("status", "verdict"), [(408, Verdict.BROKEN), (503, Verdict.WARNING)])
def test_a_request_that_fails_for_having_waited_is_found(
    status: int, verdict: Verdict, subject: Subject, tmp_path: Path
) -> None:
    """A client repeats its request after a 503, and not after a 408."""
    lines = (
        "if not one.acquire(timeout=0.5):",
        f'    raise Refusal({status}, "busy")',
        "time.sleep(0.3)",
        "one.release()",
    )
    findings = found(
        of("H1-serve"), replace(subject, programs=programs(tmp_path, ONE_AT_A_TIME, before(PREDICTED, *lines)))
    )
    assert findings["H4-concurrent"].verdict is verdict, findings["H4-concurrent"].observed
    # who waits behind slow readers may be refused for it, too: that depends on the machine
    assert set(faults(findings)) - {"H4-slow-reader"} == {"H4-concurrent"}, faults(findings)


@pytest.mark.parametrize(("change", "verdict"), [(HUNG_UP, Verdict.PASSED), (SKIPPED, Verdict.WARNING)])
def test_malformed_requests_get_the_same_verdict_20_times(
    change: Change, verdict: Verdict, subject: Subject, tmp_path: Path
) -> None:
    subject = replace(subject, programs=programs(tmp_path, change))
    with start_container(subject, "often", Conditions()) as start:
        assert start.served is not None
        judged = [finding for _ in range(20) for finding in errors.judge(start.served)]
    verdicts = [finding.verdict for finding in judged if finding.point is errors.MALFORMED]
    assert verdicts == [verdict] * 20


def test_a_payload_that_is_refused_says_nothing_about_malformed_requests(subject: Subject) -> None:
    assert subject.payload
    subject = replace(subject, payload=replace(subject.payload, content_type="text/html"))
    findings = found(of("H1-serve"), subject)
    for name in ("H4-malformed-request", "H4-chunked-body", "H4-h2c-offer", "H4-every-answer"):
        assert findings[name].verdict is Verdict.INCONCLUSIVE, findings[name].observed


def test_a_model_that_is_too_slow_on_this_machine_gets_a_warning(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The instance of the endpoint may be faster."""
    limits = profiles.LIMITS[subject.profile]
    monkeypatch.setitem(profiles.LIMITS, subject.profile, replace(limits, answer_seconds=0.4))
    slow = programs(tmp_path, before(PREDICTED, "time.sleep(0.5)"))
    findings = found(of("H1-serve"), replace(subject, programs=slow))
    assert findings["H4-answer"].verdict is Verdict.WARNING, findings["H4-answer"].observed
    assert findings["H4-concurrent"].verdict is Verdict.INCONCLUSIVE
    assert "broken" not in {finding.verdict for finding in findings.values()}
