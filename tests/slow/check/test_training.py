"""Points of training on the good image, and what depends on the hyperparameters; their mutants are in the table."""

from dataclasses import replace
from pathlib import Path

import pytest

from local_test.check.core.points import Finding, Part, Subject, Verdict
from local_test.check.core.run import applicable, run
from local_test.check.training import completion, conditions, failures, hosts, start, stop
from tests.contract.check import images
from tests.contract.check.mutants.changes import MODEL, SETTINGS, ahead, training
from tests.contract.check.mutants.entry import Variant
from tests.contract.check.mutants.run import of_mutant

SCENARIOS = [
    scenario for module in (completion, conditions, start, failures, stop, hosts) for scenario in module.SCENARIOS
]


def found(subject: Subject, *names: str) -> dict[str, Finding]:
    """Run the scenarios that decide the points *names*, or all."""
    wanted = [each for each in SCENARIOS if not names or any(point.name in names for point in each.points)]
    return {finding.point.name: finding for finding in run(wanted, subject)}


def trained(variant: Variant, folder: Path, **hyperparameters: object) -> Subject:
    """Return the variant on the host."""
    channels = {"training": images.laid(folder / "data", images.TRAINING)}
    programs = images.programs(folder / "programs", variant.files)
    return Subject(None, folder, channels=channels, hyperparameters=hyperparameters, programs=programs)


def test_a_failure_reason_without_a_failure_file_is_reported_as_missing() -> None:
    findings = of_mutant("T11-failure-file").findings
    assert findings["T11-failure-reason"].observed == "there is no failure file"


def test_a_job_that_stops_slowly_gets_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "SLOW_STOP_SECONDS", 0.9)
    slow = training(("    stopping = True", "    stopping = True\n    time.sleep(1)"))
    seen = found(trained(slow, tmp_path, epochs="8", seconds="0.1"))
    assert seen["T13-ends-in-time"].verdict is Verdict.WARNING, seen["T13-ends-in-time"].observed
    assert [name for name in seen if seen[name].is_fault] == ["T13-ends-in-time"]


@pytest.mark.parametrize(
    ("names", "jobs"),
    [
        ((), 3),  # the platform's, the stopped one, the resumed one in local mode
        (("T14-resume",), 3),
        (("T4-other-files",), 2),  # the platform's and local mode's: two instead of the three of a stop
    ],
)
def test_local_mode_takes_no_job_of_its_own_where_one_is_resumed(
    names: tuple[str, ...], jobs: int, tmp_path: Path
) -> None:
    subject = trained(Variant(), tmp_path, epochs=8, seconds=0.1)
    wanted = applicable([*conditions.SCENARIOS, *stop.SCENARIOS], replace(subject, only=frozenset(names)))
    findings = run(wanted, replace(subject, only=frozenset(names)))
    assert len(list(tmp_path.glob("job-????????"))) == jobs
    assert [found.observed for found in findings if found.is_fault] == []
    assert {found.point.name for found in findings} >= {*names}


def test_a_job_that_resumes_on_the_platform_only_is_not_said_to_start_anew(tmp_path: Path) -> None:
    """Its folder of checkpoints is in a configuration file that local mode lacks."""
    path = 'BASE / "checkpoints" / f"{host}.json"'
    there = 'BASE / "input" / "config" / "checkpointconfig.json"'
    changed = training((path, f'{path} if ({there}).is_file() else BASE / "none" / "state"'))
    seen = found(trained(changed, tmp_path, epochs=8, seconds=0.1), "T14-resume", "T4-other-files")
    assert [(name, seen[name].observed) for name in seen if seen[name].is_fault] == []
    assert seen["T14-resume"].verdict is Verdict.PASSED


def test_a_job_that_fails_in_local_mode_resumes_all_the_same(tmp_path: Path) -> None:
    changed = training(ahead(SETTINGS, 'os.environ["TRAINING_JOB_ARN"]'))
    seen = found(trained(changed, tmp_path, epochs=8, seconds=0.1), "T14-resume", "T9-variables")
    assert [name for name in seen if seen[name].is_fault] == ["T9-variables"]
    assert seen["T14-resume"].verdict is Verdict.PASSED, seen["T14-resume"].observed
    assert seen["T14-markers"].verdict is Verdict.PASSED, seen["T14-markers"].observed


@pytest.mark.parametrize(
    ("reading", "given", "verdict"),
    [
        ("text", {"epochs": 1}, Verdict.INCONCLUSIVE),
        ("text", {"epochs": "1"}, Verdict.WARNING),
        ("json.loads(text).strip()", {"epochs": "1", "seconds": "0.1"}, Verdict.BROKEN),
        ("str(json.loads(text) + 0)", {"epochs": 1, "seconds": True}, Verdict.WARNING),  # true, not True
        ('{"True": "0.1"}.get(text, text)', {"epochs": 1, "seconds": True}, Verdict.WARNING),  # True, not true
        ('{"true": "0.1", "True": "0.1"}.get(text, text)', {"epochs": 1, "seconds": True}, Verdict.PASSED),
    ],
)
def test_only_text_that_every_client_sends_must_be_read(
    reading: str, given: dict[str, object], verdict: Verdict, tmp_path: Path
) -> None:
    """JSON is what only SDK v2 with source_dir sends; the others send text as it is, and differ in True and true."""
    reader = training(("return str(json.loads(text))", f"return {reading}"))
    seen = found(trained(reader, tmp_path, **given), "T5-encodings")
    assert seen["T5-encodings"].verdict is verdict, seen["T5-encodings"].observed
    assert seen["T4-other-files"].verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("written", "verdict"),
    [
        ('write(BASE / "model" / "last.ckpt", {})', Verdict.PASSED),
        ('[write(BASE / "model" / f"epoch-{number}.ckpt", {}) for number in range(2)]', Verdict.WARNING),
        ('write(BASE / "model" / checkpoint.name, {"done": done})', Verdict.PASSED),  # the same bytes as the checkpoint
    ],
)
def test_a_checkpoint_that_is_the_model_may_be_in_it(written: str, verdict: Verdict, tmp_path: Path) -> None:
    subject = trained(training((MODEL, f"{MODEL}\n        {written}")), tmp_path, epochs=2)
    finding = found(subject, "T11-model-checkpoints")["T11-model-checkpoints"]
    assert finding.verdict is verdict, finding.observed


@pytest.mark.engine
def test_a_program_that_takes_half_its_time_to_begin_takes_sigterm_all_the_same(tmp_path: Path) -> None:
    """As one that imports a framework first; its log is late, so that only times say when it is at work."""
    handler = "    signal.signal(signal.SIGTERM, stop)\n"
    slow = training((handler, f"    time.sleep(1.5)\n{handler}"), lines=("ENV PYTHONUNBUFFERED=",))
    image = images.build("slow-to-begin", slow.lines, slow.files)
    given = {"epochs": "2", "seconds": "0.3"}
    subject = replace(trained(slow, tmp_path, **given), image=image, programs=None, parts=frozenset({Part.TRAINING}))
    finding = found(subject, "T13-signal")["T13-signal"]
    assert finding.verdict is Verdict.PASSED, finding.observed


@pytest.mark.engine
def test_a_resumed_job_whose_log_is_too_short_leaves_the_verdict_to_a_whole_one(tmp_path: Path) -> None:
    given = {"epochs": "2", "seconds": "0.15"}
    subject = trained(Variant(), tmp_path, **given)
    subject = replace(subject, image=images.build("good"), programs=None, parts=frozenset({Part.TRAINING}))
    finding = found(subject, "T15-live-log")["T15-live-log"]
    assert finding.verdict is Verdict.PASSED, finding.observed


@pytest.mark.engine
def test_the_image_that_keeps_the_contract(tmp_path: Path) -> None:
    channels = {"training": images.laid(tmp_path / "data", images.TRAINING)}
    given = {"epochs": "8", "seconds": "0.3"}
    (tmp_path / "scratch").mkdir()
    parts = frozenset({Part.TRAINING})
    subject = Subject(images.build("good"), tmp_path / "scratch", parts, channels=channels, hyperparameters=given)
    seen = found(subject)
    assert {name for name in seen if seen[name].verdict is not Verdict.PASSED} == {"T10-user-failure"}, seen
