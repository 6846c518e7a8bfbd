"""Parallel runner of the scenarios.

    scenarios, Subject  ->  applicable  ->  threads, then those that measure time one by one  ->  findings

A point that a scenario omits, or that an error prevents, is INCONCLUSIVE with the reason.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace

from local_test.check.core.points import (
    ONLY_A_CONTAINER,
    Finding,
    Part,
    Point,
    Scenario,
    Subject,
    Verdict,
    inconclusive,
    not_applicable,
)
from local_test.platform.container import cannot_run
from local_test.platform.processes import EndedFromOutsideError

_AT_ONCE = (os.cpu_count() or 1) + 1
"""One more than the cores, because a scenario mostly waits after its container has started."""


def applies(point: Point, subject: Subject) -> bool:
    """Return whether *point* applies to the profile and the parts of *subject*, and is selected."""
    if subject.only and point.name not in subject.only:
        return False
    needed = {part for part in (point.part, point.requires) if part is not None}
    return subject.profile in point.profiles and needed <= subject.parts


def applicable(scenarios: Iterable[Scenario], subject: Subject) -> list[Scenario]:
    """Return the scenarios with at least one point that applies, each with those points only."""
    reduced = (
        replace(scenario, points=tuple(point for point in scenario.points if applies(point, subject)))
        for scenario in scenarios
    )
    return [scenario for scenario in reduced if scenario.points]


def run(
    scenarios: Iterable[Scenario],
    subject: Subject,
    started: Callable[[Scenario], None] = lambda _: None,
    ended: Callable[[Scenario], None] = lambda _: None,
) -> list[Finding]:
    """Run the *scenarios* that `applicable` returns; *started* and *ended* are called one at a time.

    Raises:
        KeyboardInterrupt: the threads still run, and the caller kills what they started.
    """
    scenarios = list(scenarios)
    lock = threading.Lock()
    found: dict[Point, Finding] = {}

    def run_one(scenario: Scenario) -> None:
        with lock:
            started(scenario)
        findings = {finding.point: finding for finding in _findings(scenario, subject)}
        with lock:
            found.update(findings)
            ended(scenario)

    executor = ThreadPoolExecutor(_AT_ONCE)
    try:
        parallel = [scenario for scenario in sorted(scenarios, key=_rank) if not scenario.exclusive]
        for future in as_completed([executor.submit(run_one, scenario) for scenario in parallel]):
            future.result()
        for scenario in scenarios:
            if scenario.exclusive:
                executor.submit(run_one, scenario).result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    return [found[point] for scenario in scenarios for point in scenario.points]


def _rank(scenario: Scenario) -> tuple[bool, bool]:
    """Start training before hosting, because others wait for its first jobs; those that wait come last."""
    return scenario.late, scenario.points[0].part is Part.HOSTING


def _findings(scenario: Scenario, subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every point of *scenario*, even if it raises."""
    if subject.url and not scenario.at_url:
        yield from (not_applicable(point, ONLY_A_CONTAINER) for point in scenario.points)
        return
    image = subject.image if scenario.points[0].part is not Part.IMAGE else None
    if image and (reason := cannot_run(image)):
        yield from inconclusive(scenario.points, reason)
        return
    found: dict[Point, Finding] = {}
    reason = f'"{scenario.name}" did not decide this point'
    try:
        for finding in scenario.run(subject):
            found.setdefault(finding.point, finding)
    except EndedFromOutsideError as error:
        found, reason = {}, str(error)  # the end may have caused any of the findings
    except Exception as error:  # noqa: BLE001 # any error: the findings so far still count
        line = " ".join(str(error).split())[:200]
        reason = f'"{scenario.name}" failed: {type(error).__name__}: {line}'
    for point in scenario.points:
        yield found.get(point) or Finding(point, Verdict.INCONCLUSIVE, reason)
