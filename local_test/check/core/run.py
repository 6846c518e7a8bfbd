"""Runs the scenarios that apply, several at a time, and gives each point its finding.

    scenarios, Subject  ->  chosen  ->  threads, then those that measure time one by one  ->  findings

A point that a scenario leaves out, or that an error kept from being judged, is UNKNOWN with the reason.
"""

import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace

from local_test.check.core.points import Finding, Part, Point, Scenario, Subject, Verdict

_AT_ONCE = (os.cpu_count() or 1) + 1
"""Scenarios mostly compute when a container starts, and wait afterwards."""


def applies(point: Point, subject: Subject) -> bool:
    """Say whether *point* means something for what is asked of *subject*."""
    asked = {part for part in (point.part, point.only) if part is not None}
    return subject.profile in point.profiles and asked <= subject.parts


def chosen(scenarios: Iterable[Scenario], subject: Subject) -> list[Scenario]:
    """Return the scenarios that decide a point which applies, with those points only."""
    cut = (
        replace(scenario, points=tuple(point for point in scenario.points if applies(point, subject)))
        for scenario in scenarios
    )
    return [scenario for scenario in cut if scenario.points]


def run(
    scenarios: Iterable[Scenario],
    subject: Subject,
    started: Callable[[Scenario], None] = lambda _: None,
    ended: Callable[[Scenario], None] = lambda _: None,
) -> list[Finding]:
    """Run *scenarios*, as `chosen` gives them; *started* and *ended* are called one at a time.

    Raises:
        KeyboardInterrupt: the caller ends what was started; the threads still run.
    """
    scenarios = list(scenarios)
    lock = threading.Lock()
    found: dict[Point, Finding] = {}

    def one(scenario: Scenario) -> None:
        with lock:
            started(scenario)
        findings = {finding.point: finding for finding in _findings(scenario, subject)}
        with lock:
            found.update(findings)
            ended(scenario)

    executor = ThreadPoolExecutor(_AT_ONCE)
    try:
        together = [executor.submit(one, scenario) for scenario in _mixed(scenarios) if not scenario.alone]
        for future in as_completed(together):
            future.result()
        for scenario in scenarios:
            if scenario.alone:
                executor.submit(one, scenario).result()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    return [found[point] for scenario in scenarios for point in scenario.points]


def _mixed(scenarios: Sequence[Scenario]) -> list[Scenario]:
    """Take turns among the parts: those of training wait for each other at first, which holds nobody else up."""
    place: dict[Part, int] = {}
    order = {}
    for scenario in scenarios:
        part = scenario.points[0].part
        order[scenario.name] = place[part] = place.get(part, -1) + 1
    return sorted(scenarios, key=lambda scenario: order[scenario.name])


def _findings(scenario: Scenario, subject: Subject) -> Iterator[Finding]:
    """Yield a finding for every point of *scenario*, whatever happens in it."""
    left = dict.fromkeys(scenario.points)
    reason = f'"{scenario.name}" came to no judgement'
    try:
        for finding in scenario.run(subject):
            if finding.point in left:
                del left[finding.point]
                yield finding
    except Exception as error:  # noqa: BLE001 # of any kind: the other points still count
        line = " ".join(str(error).split())[:200]
        reason = f'"{scenario.name}" failed: {type(error).__name__}: {line}'
    for point in left:
        yield Finding(point, Verdict.UNKNOWN, reason)


def asked_parts(*, training: bool, hosting: bool, image: bool) -> frozenset[Part]:
    """Return what is to be checked: training and hosting if neither is named, the image where there is one."""
    parts = {Part.TRAINING} if training else set()
    parts |= {Part.HOSTING} if hosting else set()
    return frozenset((parts or {Part.TRAINING, Part.HOSTING}) | ({Part.IMAGE} if image else set()))
