"""Each point of training is proven able to fail: a mutant of the good program breaks it, and no other."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from local_test.check.core.points import Finding, Part, Subject, Verdict
from local_test.check.core.run import run
from local_test.check.training import completion, conditions, failures, hosts, start, stop
from local_test.platform import container, training_job
from tests.contract.check import images
from tests.contract.check.mutants import Mutant

SCENARIOS = [
    scenario for module in (completion, conditions, start, failures, stop, hosts) for scenario in module.SCENARIOS
]
POINTS = [point.name for scenario in SCENARIOS for point in scenario.points]
_MODEL = 'write(BASE / "model" / "model.json", {"factor": mean})'
_START = 'settings = configuration("hyperparameters.json")'
_HOSTS = 'host, first = resources["current_host"], sorted(resources["hosts"])[0]'


def _program(*replacements: tuple[str, str]) -> Mutant:
    return Mutant(files=images.changed("train", *replacements))


def _before(place: str, *lines: str) -> Mutant:
    """Put *lines* before the line that begins with *place*, in the function `train`."""
    return _program((place, "\n    ".join((*lines, place))))


def _after(place: str, *lines: str) -> Mutant:
    return _program((place, "\n    ".join((place, *lines))))


# where one sleeps, that is its fault: a stop finds it amid its work
MUTANTS = {
    "T1-train": Mutant(lines=("RUN rm /usr/local/bin/train",)),
    "T2-container-entrypoint": Mutant(lines=("RUN rm /usr/bin/pip*",)),
    "T3-opt-ml": Mutant(
        lines=("RUN mkdir -p /opt/ml/bin && mv /usr/local/bin/train /opt/ml/bin", "ENV PATH=/opt/ml/bin:$PATH")
    ),
    "T4-other-files": _before(_START, 'assert len(list((BASE / "input" / "config").iterdir())) == 3'),
    "T5-encodings": _program(("return str(json.loads(text))", "return text")),
    "T5-platform-hyperparameters": _after(_START, 'assert settings.keys() <= {"epochs", "seconds"}'),
    "T5-wrong-value": _program(
        ('raise SystemExit(f"hyperparameter {name} = {text!r}; expected a number") from None', "return kind(default)")
    ),
    "T6-manifests": _before(_START, '[list(folder.iterdir()) for folder in (BASE / "input" / "data").iterdir()]'),
    "T6-read-only": _after('numbers = channel("training")', '(BASE / "input/data/training/cache").write_text("")'),
    "T7-short-configuration": _program(
        ('entry.get("TrainingInputMode", "File") == "Pipe"', 'entry["RecordWrapperType"] == "RecordIO"')
    ),
    "T8-hostname": _after(_HOSTS, "import socket", 'assert socket.gethostname() in resources["hosts"]'),
    "T8-two-hosts": _after(_HOSTS, "import socket", '[socket.gethostbyname(each) for each in resources["hosts"]]'),
    "T8-groups": _after(_HOSTS, 'assert host in resources.get("instance_groups", [resources])[0]["hosts"]'),
    "T8-lost-host": _after(
        _HOSTS,
        "import socket",
        "try:",
        '    [socket.gethostbyname(each) for each in resources["hosts"]]',
        "except OSError:",
        "    os._exit(3)",
    ),
    "T9-variables": _before(_START, 'os.environ["TRAINING_JOB_ARN"]'),
    "T9-no-toolkit": _program(
        ('Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))', 'Path(os.environ["SM_MODEL_DIR"]).parent')
    ),
    "T10-user-failure": _after(
        _START,
        "import subprocess",
        'if "sagemaker_program" in settings:',
        '    words = [sys.executable, BASE / "code" / plain(settings["sagemaker_program"])]',
        "    if code := subprocess.call(words):",
        '        raise SystemExit(f"the program ended with exit code {code}")',
    ),
    "T11-model": _program(('write(BASE / "model"', 'write(BASE / "output" / "data"')),
    "T11-model-links": _program(
        (_MODEL, 'write(BASE / "model" / "1.json", {})\n        (BASE / "model" / "model.json").symlink_to("1.json")')
    ),
    "T11-model-checkpoints": _program(
        (_MODEL, f'(BASE / "model/checkpoint-5").mkdir(); write(BASE / "model/checkpoint-5/state", {{}}); {_MODEL}')
    ),
    "T11-failure-file": _program(('(BASE / "output" / "failure")', '(BASE / "output" / "data" / "failure")')),
    "T11-failure-reason": _program(
        ("write_text(reason[:1024])", 'write_text("Traceback (most recent call last):\\n" + reason)')
    ),
    "T11-disk-full": _program(
        (
            "half.write_text(json.dumps(content))",
            "try:\n        half.write_text(json.dumps(content))\n    except OSError:\n        return",
        )
    ),
    "T11-whole-model": _program(
        (_MODEL, f'(BASE / "model" / "model.json").write_text("{{"); time.sleep(1); {_MODEL}')
    ),
    "T11-names-of-two-hosts": _program(
        ("if host == first:  # in local mode all hosts share one folder", "if True:"),
        ('{"factor": mean}', '{"by": host}'),
    ),
    "T12-exit-code": _program(("        return 0", "        return 3")),
    "T12-failure-exit-code": _program(("    return 1\n", "    return 0\n")),
    "T13-signal": _program(("signal.signal(signal.SIGTERM, stop)", "pass")),
    "T13-ends-in-time": _program(("    stopping = True", "    time.sleep(600)")),
    "T13-keeps-result": _program(
        ("    stopping = True", "    os._exit(1)"), ("if checkpoint.parent.is_dir():", "if False:")
    ),
    "T14-resume": _program(('json.loads(checkpoint.read_text())["done"] if checkpoint.is_file() else 0', "0")),
    "T14-markers": _program(("checkpoint.read_text()", "max(checkpoint.parent.iterdir()).read_text()")),
    "T15-live-log": Mutant(lines=("ENV PYTHONUNBUFFERED=",)),
    "T19-no-network": _before(_START, 'assert len(Path("/proc/net/route").read_text().splitlines()) > 1'),
}  # fmt: skip
IN_CONTAINERS = {
    "T1-train", "T2-container-entrypoint", "T3-opt-ml", "T6-read-only", "T8-hostname", "T8-two-hosts", "T8-groups",
    "T11-disk-full", "T11-names-of-two-hosts", "T13-signal", "T15-live-log", "T19-no-network",
}  # fmt: skip
"""What only a container shows; the other mutants run bare, which takes a fraction of the time."""
NEVER_BARE = IN_CONTAINERS - {"T1-train", "T13-signal"}
UNTOLD = {
    "T1-train": set(POINTS) - {"T2-container-entrypoint"},
    "T12-exit-code": set(POINTS) - {"T1-train"},
    "T11-model": {"T11-model-links", "T11-model-checkpoints", "T11-whole-model"},
    "T6-read-only": {"T15-live-log"},
    "T8-two-hosts": {"T8-groups", "T11-names-of-two-hosts"},
    "T11-failure-file": {"T11-failure-reason"},
    "T13-signal": {"T13-ends-in-time", "T13-keeps-result"},
    "T13-ends-in-time": {"T13-keeps-result"},
    "T13-keeps-result": {"T14-resume", "T14-markers"},
}
"""Points that are inconclusive or not applicable if the point is broken, besides T10-user-failure."""


def found(image: str | None, programs: Path | None, folder: Path, **hyperparameters: str) -> dict[str, Finding]:
    given = {"epochs": "8", "seconds": "0.1", **hyperparameters}
    channels = {"training": images.laid(folder / "data", images.TRAINING)}
    scratch = folder / "scratch"
    scratch.mkdir()
    subject = Subject(
        image, scratch, frozenset({Part.TRAINING}), channels=channels, hyperparameters=given, programs=programs
    )
    return {finding.point.name: finding for finding in run(SCENARIOS, subject)}


def mutant(point: str, folder: Path) -> dict[str, Finding]:
    if point in IN_CONTAINERS:
        return found(MUTANTS[point].image(point), None, folder, seconds="0.3")
    return found(None, images.programs(folder / "programs", MUTANTS[point].files), folder)


@pytest.fixture(autouse=True)
def no_mutant_stays() -> None:
    """In place of the other modules' fixture: while one test looks at its mutant, others are being built."""


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, "Future[dict[str, Finding]]"]]:
    """What is found of each mutant; several at once, as they mostly sleep."""
    engine = container.engine_reachable()
    with ThreadPoolExecutor(4) as pool:
        yield {
            point: pool.submit(mutant, point, tmp_path_factory.mktemp(point.lower()))
            for point in MUTANTS
            if point != "T13-ends-in-time" and (point not in IN_CONTAINERS or engine)
        }
    images.remove_mutants()


def test_what_cannot_be_told_has_a_reason_of_its_own(findings: dict[str, "Future[dict[str, Finding]]"]) -> None:
    assert findings["T11-failure-file"].result()["T11-failure-reason"].observed == "there is no failure file"


def exactly(findings: dict[str, Finding], point: str) -> None:
    """Demand that *point* is broken or has a warning, and the others hold, but for what the tables above name."""
    seen = {name: f"{finding.verdict}: {finding.observed}" for name, finding in findings.items()}
    untold = UNTOLD.get(point, set()) | (set() if point in IN_CONTAINERS else NEVER_BARE)
    assert [name for name in findings if findings[name].is_fault] == [point], seen
    others = {name for name in findings if findings[name].verdict is not Verdict.PASSED}
    assert others == {point, "T10-user-failure"} | untold, seen


def test_every_point_has_a_mutant() -> None:
    assert sorted(MUTANTS) == sorted(POINTS)


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(point, marks=[pytest.mark.engine] if point in IN_CONTAINERS else [])
        for point in MUTANTS
        if point != "T13-ends-in-time"
    ],
)
def test_a_mutant_breaks_one_point(point: str, findings: dict[str, "Future[dict[str, Finding]]"]) -> None:
    exactly(findings[point].result(), point)


def test_a_job_that_goes_on_after_sigterm_breaks_one_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_job, "STOP_SECONDS", 2)
    exactly(mutant("T13-ends-in-time", tmp_path), "T13-ends-in-time")


def test_a_job_that_stops_slowly_gets_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stop, "SLOW_STOP_SECONDS", 0.9)
    slow = images.changed("train", ("    stopping = True", "    stopping = True\n    time.sleep(1)"))
    seen = found(None, images.programs(tmp_path / "programs", slow), tmp_path)
    assert seen["T13-ends-in-time"].verdict is Verdict.WARNING, seen["T13-ends-in-time"].observed
    assert [name for name in seen if seen[name].is_fault] == ["T13-ends-in-time"]


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
    changed = images.changed("train", ("return str(json.loads(text))", f"return {reading}"))
    programs = images.programs(tmp_path / "programs", changed)
    channels = {"training": images.laid(tmp_path / "data", images.TRAINING)}
    subject = Subject(None, tmp_path, channels=channels, hyperparameters=given, programs=programs)
    seen = {finding.point.name: finding for finding in run(conditions.SCENARIOS, subject)}
    assert seen["T5-encodings"].verdict is verdict, seen["T5-encodings"].observed
    assert seen["T4-other-files"].verdict is Verdict.PASSED


@pytest.mark.engine
def test_the_image_that_keeps_the_contract(tmp_path: Path) -> None:
    seen = found(images.build("good"), None, tmp_path, seconds="0.3")
    assert {name for name in seen if seen[name].verdict is not Verdict.PASSED} == {"T10-user-failure"}, seen
