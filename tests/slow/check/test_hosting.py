"""Points of hosting on the good image, as each kind of endpoint; their mutants are in the table."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from local_test.check.core.points import Finding, Scenario, Subject, Verdict
from local_test.check.core.run import applies
from local_test.check.hosting import scenarios
from local_test.check.hosting.lifecycle import stop
from local_test.check.hosting.support.served import NO_MODEL, NO_PAYLOAD
from local_test.platform import profiles
from local_test.platform.profiles import Profile
from tests.contract.check import images
from tests.contract.check.mutants.changes import (
    ALL_LABELS,
    CLOSING,
    CSV,
    LOADED,
    MODEL_ERROR,
    REFUSED,
    Change,
    before,
    instead,
    serving,
)
from tests.contract.check.mutants.entry import PAYLOAD
from tests.contract.check.mutants.run import faults, make_limits_small

SCENARIO_OF = {point: scenario for scenario in scenarios.SCENARIOS for point in scenario.points}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    make_limits_small(monkeypatch)


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    """The good programs, bare."""
    return Subject(
        None,
        tmp_path / "scratch",
        model=images.laid(tmp_path / "model", images.MODEL),
        payload=PAYLOAD,
        environment={"SAGEMAKER_MAX_PAYLOAD_IN_MB": "5"},
        programs=images.programs(tmp_path / "programs"),
    )


def found(scenario: Scenario, subject: Subject) -> dict[str, Finding]:
    findings = [finding for finding in scenario.run(subject) if applies(finding.point, subject)]
    names = [finding.point.name for finding in findings]
    assert sorted(names) == sorted(point.name for point in scenario.points if applies(point, subject))
    return dict(zip(names, findings, strict=True))


def unheld(findings: Mapping[str, Finding]) -> dict[str, Verdict]:
    return {name: finding.verdict for name, finding in findings.items() if finding.verdict is not Verdict.PASSED}


def of(name: str) -> Scenario:
    return next(scenario for point, scenario in SCENARIO_OF.items() if point.name == name)


@pytest.mark.parametrize(
    ("name", "change", "verdict"),
    [
        ("H7-empty-body", before(REFUSED, "assert body"), Verdict.WARNING),  # 500
        ("H7-empty-body", before(REFUSED, "if not body:", "    raise SystemExit"), Verdict.BROKEN),  # no response
        ("H6-answer-headers", before(CLOSING, 'self.send_header("X-Name", "caf\\xe9")'), Verdict.WARNING),
        (
            "H6-answer-headers",
            before(CLOSING, 'self.send_header("X-Amzn-SageMaker-Custom-Attributes", "caf\\xe9")'),
            Verdict.BROKEN,
        ),
        ("H3-damaged-model", before(MODEL_ERROR, "except ValueError:", "    factor = 1.0"), Verdict.WARNING),
        ("H3-damaged-model", before(MODEL_ERROR, "except ValueError:", "    factor = 2.0"), Verdict.PASSED),
        ("H3-empty-model", before(MODEL_ERROR, "except FileNotFoundError:", "    factor = 3.0"), Verdict.PASSED),
    ],
)
def test_only_what_reaches_a_client_is_broken(
    name: str, change: Change, verdict: Verdict, subject: Subject, tmp_path: Path
) -> None:
    programs = images.programs(tmp_path / "mutant", serving(change).files)
    findings = found(of(name), replace(subject, programs=programs))
    assert findings[name].verdict is verdict, findings[name].observed
    assert set(faults(findings)) == {name} - ({name} if verdict is Verdict.PASSED else set()), faults(findings)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("H3-empty-model", ("        return 1\n", "        return 0\n")),
        ("H3-damaged-model", ("        return 1\n", "        return 0\n")),
        ("H8-stops-in-time", before("    deadline = time.monotonic() + 25", "time.sleep(1)")),
    ],
)
def test_a_fault_that_costs_time_or_hides_a_reason_is_a_warning(
    name: str, change: Change, subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "SLOW_STOP_SECONDS", 0.9)
    programs = images.programs(tmp_path / "mutant", serving(change).files)
    findings = found(of(name), replace(subject, programs=programs))
    assert findings[name].verdict is Verdict.WARNING, findings[name].observed
    assert set(faults(findings)) == {name}, faults(findings)


@pytest.mark.engine
def test_an_image_checked_for_a_multi_model_endpoint_is_tried_as_one_even_without_its_label(subject: Subject) -> None:
    good = replace(subject, image=images.build("good"), programs=None, profile=Profile.MULTI_MODEL)
    assert unheld(found(of("H12-list"), good)) == {}


def test_sigterm_is_sent_after_the_server_has_read_the_request(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = profiles.LIMITS[subject.profile]
    monkeypatch.setitem(profiles.LIMITS, subject.profile, replace(limits, body_bytes=profiles.MB))
    monkeypatch.setattr(stop, "_SIGNAL_SECONDS", 0)
    begin = '        path = self.path.partition("?")[0].rstrip("/")\n        global in_flight\n'
    large = "len(self.headers.get('Content-Length', '')) == 6"  # of the 800 kB that the signal comes amid
    # so that the signal comes while the rest of the body is being read
    slow = images.changed("serve", (begin, f"        time.sleep(0.5 if {large} else 0)\n{begin}"))
    findings = found(of("H8-request-in-flight"), replace(subject, programs=images.programs(tmp_path / "slow", slow)))
    assert findings["H8-request-in-flight"].verdict is Verdict.PASSED, findings["H8-request-in-flight"]


@pytest.mark.engine
@pytest.mark.parametrize("scenario", scenarios.SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_good_image_holds_all(scenario: Scenario, subject: Subject) -> None:
    subject = replace(subject, image=images.build("all-labels", ALL_LABELS), programs=None)
    findings = found(scenario, subject)
    one_process = {"H3-worker-replaced": Verdict.NOT_APPLICABLE}
    assert unheld(findings) == (one_process if "H3-worker-replaced" in findings else {})


@pytest.mark.engine
@pytest.mark.parametrize("profile", [Profile.SERVERLESS, Profile.ASYNC, Profile.BATCH, Profile.MULTI_MODEL])
def test_the_good_image_holds_all_as_other_kinds_of_endpoints(profile: Profile, subject: Subject) -> None:
    image = images.build("all-labels", ALL_LABELS)
    payload = CSV if profile is Profile.BATCH else subject.payload
    subject = replace(subject, image=image, programs=None, profile=profile, payload=payload)
    assert unheld(found(of("H1-serve"), subject)) == {}


@pytest.mark.engine
def test_the_good_image_works_without_what_serverless_withholds(subject: Subject) -> None:
    """Also with a model that only its owner may read, on this side."""
    assert subject.model
    (subject.model / "model.json").chmod(0o600)
    subject = replace(subject, image=images.build("good"), programs=None, profile=Profile.SERVERLESS)
    assert unheld(found(of("H14-any-user"), subject)) == {}


def test_a_server_that_replaces_its_worker_holds_the_point(subject: Subject, tmp_path: Path) -> None:
    forking = images.changed("serve", before(LOADED, "while os.fork():", "    os.wait()"))
    subject = replace(subject, programs=images.programs(tmp_path / "forking", forking))
    assert unheld(found(of("H3-worker-replaced"), subject)) == {}


def test_without_a_payload_and_a_model_what_needs_them_is_unknown(subject: Subject, tmp_path: Path) -> None:
    own = images.changed("serve", instead(LOADED, "factor = 2.0"))
    programs = images.programs(tmp_path / "own", own)
    subject = replace(subject, programs=programs, model=None, payload=None)
    findings = {name: finding for scenario in scenarios.SCENARIOS for name, finding in found(scenario, subject).items()}
    reasons = {finding.observed for finding in findings.values() if finding.verdict is Verdict.INCONCLUSIVE}
    assert reasons >= {NO_PAYLOAD, NO_MODEL}
    assert findings["H4-answer"].verdict is Verdict.INCONCLUSIVE
    assert faults(findings) == {}


@pytest.mark.engine
def test_without_labels_features_are_not_claimed(subject: Subject) -> None:
    good = replace(subject, image=images.build("good"), programs=None)
    findings = found(of("H12-list"), good)
    assert set(unheld(findings).values()) == {Verdict.NOT_APPLICABLE}


def test_a_point_is_named_after_an_item_of_the_checklist() -> None:
    assert all(point.name.partition("-")[0] in {f"H{number}" for number in range(1, 21)} for point in SCENARIO_OF)
    assert set(scenarios.NOT_CHECKABLE) <= {f"H{number}" for number in range(1, 21)}
