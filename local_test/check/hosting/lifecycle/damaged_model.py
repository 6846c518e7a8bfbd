"""Points about a missing or damaged model: the container must not report that it is healthy."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from local_test.check.core.points import (
    Finding,
    Part,
    Point,
    Scenario,
    Subject,
    Verdict,
    inconclusive,
    passed_if,
    warning,
)
from local_test.check.hosting.support import sources, wire
from local_test.check.hosting.support.served import NO_MODEL, NO_PAYLOAD, ServingContainer, start_container
from local_test.platform.endpoint import Endpoint, start_endpoint
from local_test.platform.processes import KILLED
from local_test.platform.profiles import LIMITS, Conditions, Profile, forward_headers

_ONE_MODEL = frozenset(Profile) - {Profile.MULTI_MODEL}
_SOURCE = f"{sources.PING}: with a static 200 the platform routes requests to an instance that cannot serve them"
_FIX = "load the model before /ping returns 200; if loading fails, log the reason and exit with a code other than 0"
EMPTY = Point(
    "H3-empty-model",
    Part.HOSTING,
    "with an empty /opt/ml/model the server exits, or /ping responds, with 200 only if it predicts; exit code 0 is a"
    " warning",
    _SOURCE,
    _FIX,
    _ONE_MODEL,
)
DAMAGED = Point(
    "H3-damaged-model",
    Part.HOSTING,
    "with damaged model files the server exits, or /ping responds, with 200 only if it predicts; exit code 0 is a"
    " warning",
    _SOURCE,
    _FIX,
    _ONE_MODEL,
)
_SECONDS = 30.0
"""How long /ping is polled after its first response."""
_SILENT_SECONDS = 90.0
"""How long the first response may take: some servers start slowly, and report that they are healthy only then."""
_SLOWER = 3
"""How much longer than a start with the model as given it may take."""
_PAUSE_SECONDS = 0.02
_GARBAGE = b"\xa5"


def _leave_empty(_model: Path, folder: Path) -> None:
    folder.mkdir(parents=True)


def _damage(model: Path, folder: Path) -> None:
    folder.mkdir(parents=True)
    for path in model.rglob("*"):
        if path.is_file():
            place = folder / path.relative_to(model)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_GARBAGE * min(1 + path.stat().st_size // 2, 2**20))


def _scenario(name: str, point: Point, make: Callable[[Path, Path], None]) -> Scenario:
    def run(subject: Subject) -> Iterator[Finding]:
        if subject.model is None:
            yield from inconclusive(point, NO_MODEL)
            return
        base = subject.scratch / point.name
        make(subject.model, base / "damaged")
        conditions = Conditions.of(subject.profile, subject.environment)
        with start_endpoint(subject.image, subject.programs, base / "damaged", base / "run", conditions) as endpoint:
            begun = time.monotonic()
            seen = _watch(endpoint, begun, _SILENT_SECONDS)
            if seen.silent:
                # a server that starts slowly fails slowly, too
                with start_container(subject, f"{point.name}/whole", conditions) as whole:
                    if whole.served is None:
                        yield from inconclusive(point, f"with the model as given: {whole.reason}")
                        return
                    rest = _SLOWER * whole.served.seconds - _SILENT_SECONDS
                    seen = _watch(endpoint, begun, rest) if rest > 0 else seen
            if seen.healthy:
                yield from _judge_healthy(subject, point, conditions, endpoint, seen.observed)
            else:
                yield Finding(point, seen.verdict, seen.observed)

    return Scenario(name, (point,), run)


def _judge_healthy(
    subject: Subject, point: Point, conditions: Conditions, endpoint: Endpoint, ping: str
) -> Iterator[Finding]:
    """Judge a 200 of /ping, which is right if the server predicts: the image may have a model of its own."""
    if subject.payload is None:
        yield from inconclusive(point, f"{ping}; whether it predicts is unknown: {NO_PAYLOAD}")
        return
    answer = ServingContainer(subject, endpoint, LIMITS[subject.profile], 0).invoke(subject.payload)
    observed = f"{ping}; the payload gets {answer}"
    if not answer.ok or point is EMPTY:
        yield passed_if(point, answer.ok, observed)
        return
    with start_container(subject, f"{point.name}/whole", conditions) as whole:
        if whole.served is None:
            yield from inconclusive(point, f"with the model as given: {whole.reason}")
            return
        once, again = (whole.served.invoke(subject.payload) for _ in range(2))
    if not (once.ok and again.ok):
        yield from inconclusive(point, f"with the model as given the payload gets {once}, then {again}")
    elif once.body != again.body:
        yield from inconclusive(point, f"{observed}; responses to one payload differ, so damage would not show")
    elif answer.body != once.body:
        yield warning(
            point, f"{observed}, which differs from the answer with the model as given: the damage is not detected"
        )
    else:
        yield passed_if(point, True, f"{observed}, as with the model as given: it does not need these files")


@dataclass(frozen=True)
class _Seen:
    """How a container with a damaged model behaved."""

    verdict: Verdict
    """PASSED if it exited by itself, or reports that it is not healthy."""
    observed: str
    silent: bool = False
    """It neither exited nor responded."""
    healthy: bool = False
    """It returned 200 from /ping."""


def _watch(endpoint: Endpoint, begun: float, silent_seconds: float) -> _Seen:
    """Request /ping without a pause, which would miss a server that is healthy for a moment only."""
    deadline, last = time.monotonic() + silent_seconds, None
    while endpoint.alive and time.monotonic() < deadline:
        answer = wire.request((endpoint.host, endpoint.port), "GET", "/ping", headers=forward_headers({}), seconds=10)
        if answer.ok and endpoint.owns_address():
            return _Seen(Verdict.BROKEN, f"/ping: {answer}", healthy=True)
        if answer.status:
            deadline, last = deadline if last else time.monotonic() + _SECONDS, answer
        time.sleep(_PAUSE_SECONDS)
    code, after = endpoint.process.poll(), f"after {time.monotonic() - begun:.1f} s"
    if code is None and last is None:
        return _Seen(Verdict.BROKEN, f"it neither exits nor responds to /ping {after}", silent=True)
    if code is None:
        return _Seen(Verdict.PASSED, f"/ping is still {last} {after}")
    if code in KILLED:
        memory = ", out of memory" if endpoint.out_of_memory() else ""
        return _Seen(Verdict.BROKEN, f"SIGKILL ended it {after} (exit code {code}{memory}), which logs no reason")
    observed = f"the container exited with code {code} {after}"
    if code == 0:
        return _Seen(Verdict.WARNING, f"{observed}, as after a requested stop")
    return _Seen(Verdict.PASSED, observed)


SCENARIOS = (
    _scenario("an empty model directory", EMPTY, _leave_empty),
    _scenario("a damaged model", DAMAGED, _damage),
)
