"""A training job's process, from this side."""

import re
import sys
from pathlib import Path

import pytest

from local_test.check.core.points import Finding, Subject, Verdict
from local_test.check.core.run import run
from local_test.check.training import completion, hosts
from local_test.platform import container, training_job
from tests.contract.check import images

HOSTS = '    host, first = resources["current_host"], sorted(resources["hosts"])[0]\n'
WAITS = """\
    import socket
    while not stopping and len(resources["hosts"]) > 1:
        try:
            [socket.gethostbyname(each) for each in resources["hosts"]]
            break
        except OSError:
            time.sleep(1)
"""


def test_a_job_that_has_ended_holds_nothing_open() -> None:
    """A check starts dozens in one process."""
    before = open_files()
    started = training_job.Job(container.Program([sys.executable, "-c", "print(1)"], {}))
    assert started.wait(30) == 0
    assert started.log == "1"
    assert open_files() <= before  # what earlier tests left may be closed at any time


def open_files() -> set[Path]:
    return {path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}


def found(point: str, folder: Path, *changes: tuple[str, str]) -> Finding:
    """What is found of the good program with *changes*."""
    programs = images.programs(folder / "programs", images.changed("train", *changes))
    channels = {"training": images.laid(folder / "data", images.TRAINING)}
    given = {"epochs": 12, "seconds": 0.2}
    subject = Subject(None, folder / "scratch", channels=channels, hyperparameters=given, programs=programs)
    subject.scratch.mkdir()
    scenarios = [
        each for each in (*completion.SCENARIOS, *hosts.SCENARIOS) if point in [one.name for one in each.points]
    ]
    return next(finding for finding in run(scenarios, subject) if finding.point.name == point)


def test_a_job_that_waits_for_a_host_is_known_by_its_idleness(tmp_path: Path) -> None:
    """Long before a busy job would be taken to wait."""
    finding = found("T8-lost-host", tmp_path, (HOSTS, HOSTS + WAITS))
    assert finding.verdict is Verdict.PASSED, finding
    waited = re.match(r"it still waited after (\d+) s: exit code 0", finding.observed)
    assert waited, finding
    assert int(waited[1]) < hosts.MINIMUM_WAIT_SECONDS


@pytest.mark.parametrize(
    ("written", "verdict"),
    [
        ('write(BASE / "model" / "model.json", {"factor": mean})', Verdict.PASSED),
        ('(BASE / "model/a").write_text("{"); time.sleep(2); write(BASE / "model/a", [])', Verdict.WARNING),
        ('write(BASE / "model/a", {}); time.sleep(2); write(BASE / "model/b", {})', Verdict.PASSED),
    ],
    ids=["at once", "in place", "in two files"],
)  # fmt: skip
def test_a_model_that_is_written_in_place_is_observed_while_the_job_runs(
    written: str, verdict: Verdict, tmp_path: Path
) -> None:
    change = ('write(BASE / "model" / "model.json", {"factor": mean})', written)
    finding = found("T11-whole-model", tmp_path, change)
    assert finding.verdict is verdict, finding
