"""Runs of the table's mutants and odd images, several at once, each in a process of its own.

Variant, scenarios  ->  findings  ->  Outcome: the faults that were found, and those that should have been
"""

import contextlib
import dataclasses
import multiprocessing
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_test.check import catalogue
from local_test.check.core import run as scenarios
from local_test.check.core.points import Finding, Part, Scenario, Subject, Verdict
from local_test.check.hosting.lifecycle import damaged_model, load, serverless, stop
from local_test.check.hosting.requests import ping
from local_test.check.hosting.support import patience
from local_test.platform import profiles, training_job
from local_test.platform.endpoint import start_endpoint
from tests.contract.check import images
from tests.contract.check.inspection import unusual
from tests.contract.check.mutants.entry import Variant
from tests.contract.check.mutants.table import ODD, POINTS, SCENARIOS, TABLE, points_of

AT_ONCE = 4
"""More than the cores, because a check mostly waits."""


def findings(wanted: Iterable[Scenario], subject: Subject) -> dict[str, Finding]:
    """Run the scenarios one after the other; findings by the names of their points."""
    return {found.point.name: found for scenario in wanted for found in scenario.run(subject)}


def faults(found: Mapping[str, Finding]) -> dict[str, str]:
    """Return what was observed of the points that are broken or have a warning, by their names."""
    return {name: finding.observed for name, finding in found.items() if finding.is_fault}


@dataclass(frozen=True)
class Outcome:
    """What the check says of one mutant or one odd image."""

    findings: Mapping[str, Finding]
    """By the names of the points."""

    @property
    def faults(self) -> dict[str, str]:
        """What was observed of the points that are broken or have a warning."""
        return faults(self.findings)

    def wrong_for_mutant(self, point: str) -> str:
        """Return what is wrong with it as that of the mutant of *point*, "" if nothing is."""
        expected = {point, *(TABLE[point].also.keys() & self.findings.keys())}
        return "" if set(self.faults) == expected else f"faults: {self.faults or 'none'}; {self._of(point)}"

    def wrong_for_oddity(self, point: str) -> str:
        """Return what is wrong with it as that of the odd image of *point*, "" if nothing is."""
        found = self.findings.get(point)
        right = found is not None and found.verdict in (Verdict.PASSED, Verdict.NOT_APPLICABLE)
        return "" if right else self._of(point)

    def _of(self, point: str) -> str:
        found = self.findings.get(point)
        return f"{found.verdict}: {found.observed}" if found else "the point does not apply to it"


def of_mutant(point: str, *, every: bool = False) -> Outcome:
    """Run the scenario that decides *point*, or every one of its part, on the point's mutant."""
    wanted = [each for each in catalogue.ALL if each.points[0].part is POINTS[point].part]
    return _run(point, TABLE[point].mutant, wanted if every else [SCENARIOS[point]])


def of_odd(name: str) -> Outcome:
    """Run the scenarios that decide the points at which the odd image is odd."""
    points = points_of(ODD[name])
    wanted = [each for each in catalogue.ALL if any(SCENARIOS[point] is each for point in points)]
    return _run(f"odd-{name}", ODD[name].variant, wanted)


@contextlib.contextmanager
def pool(at_once: int = AT_ONCE) -> Iterator[ProcessPoolExecutor]:
    """Yield processes, each for one run at a time, because the limits that a run makes small are a process's own."""
    with ProcessPoolExecutor(at_once, multiprocessing.get_context("spawn")) as executor:
        yield executor


def _run(name: str, variant: Variant, wanted: list[Scenario]) -> Outcome:
    part = wanted[0].points[0].part
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        stack.callback(images.remove_mutants)
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        if part is Part.IMAGE:
            image = unusual.image(stack, patch, variant.kind) or images.build(
                name.lower(), variant.lines, variant.files
            )
            subject = Subject(image, folder, variant.parts, variant.profile)
        else:
            # a good server finishes the request, whether the signal is there or not
            signal_seconds = None if name.startswith(("H8-", "odd-")) else 0
            make_limits_small(patch, variant.startup_seconds, signal_seconds, variant.stop_seconds)
            subject = _subject(stack, part, variant, folder, name)
        found = scenarios.run(scenarios.applicable(wanted, subject), subject)
    return Outcome({finding.point.name: finding for finding in found})


def _subject(stack: contextlib.ExitStack, part: Part, variant: Variant, folder: Path, name: str) -> Subject:
    (folder / "scratch").mkdir()
    image = images.build(name.lower(), variant.lines, variant.files) if variant.container else None
    programs = None if image else images.programs(folder / "programs", variant.files)
    if part is Part.TRAINING:
        channels = {"training": images.laid(folder / "data", images.TRAINING)}
        given = {**variant.hyperparameters, "epochs": "8", "seconds": "0.3" if image else "0.1"}
        return Subject(
            image, folder / "scratch", frozenset({part}), channels=channels, hyperparameters=given, programs=programs
        )
    environment = {"SAGEMAKER_MAX_PAYLOAD_IN_MB": "5"}
    model = images.laid(folder / "model", images.MODEL)
    if variant.needs_service:
        served = start_endpoint(images.build("good"), None, model, folder / "service", profiles.Conditions())
        environment["SERVICE"] = stack.enter_context(served).host
    return Subject(
        image, folder / "scratch", frozenset({part}), variant.profile,
        model=model, payload=variant.payload, environment=environment, programs=programs,
    )  # fmt: skip


def make_limits_small(
    patch: pytest.MonkeyPatch,
    startup_seconds: float = 60,
    signal_seconds: float | None = None,
    stop_seconds: float | None = None,
) -> None:
    """Make the platform's limits small, so that a mutant is reported in seconds, and no compliant one if all is slow.

    A connection that is not accepted comes again after a second, so 0.9 s tell both apart.
    """
    for profile, limits in profiles.LIMITS.items():
        small = {"startup_seconds": startup_seconds, "stop_seconds": 8, "accept_seconds": 0.9}
        patch.setitem(profiles.LIMITS, profile, dataclasses.replace(limits, **small, body_bytes=5 * profiles.MB))
    patch.setattr(profiles, "_SERVERLESS_MEMORY", 2**28)
    little = {"tmp_bytes": 2**23}, {"tmp_bytes": None}
    patch.setattr(serverless, "WITHHELD", {**serverless.WITHHELD, serverless.TMP: little})
    patch.setattr(patience, "SECONDS", 4.0)
    patch.setattr(ping, "_TIMES", 2)
    patch.setattr(load, "_SECONDS", 1.5)
    patch.setattr(load, "_REPLACED_SECONDS", 5.0)
    patch.setattr(damaged_model, "_SECONDS", 5.0)
    patch.setattr(damaged_model, "_SILENT_SECONDS", 20.0)
    if signal_seconds is not None:
        patch.setattr(stop, "_SIGNAL_SECONDS", signal_seconds)
    if stop_seconds is not None:
        patch.setattr(training_job, "STOP_SECONDS", stop_seconds)
