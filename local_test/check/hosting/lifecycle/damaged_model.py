"""Points about a missing or damaged model: the container must not report that it is healthy."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from local_test.check.core.points import Finding, Part, Point, Scenario, Subject, inconclusive, passed_if
from local_test.check.hosting.support import sources, wire
from local_test.check.hosting.support.served import NO_MODEL
from local_test.platform.endpoint import start_endpoint
from local_test.platform.profiles import Conditions, Profile, forward_headers

_ONE_MODEL = frozenset(Profile) - {Profile.MULTI_MODEL}
_SOURCE = f"{sources.PING}: with a static 200 the platform routes requests to an instance that cannot serve them"
_FIX = "load the model before /ping returns 200; if loading fails, log the reason and exit"
EMPTY = Point(
    "H3-empty-model",
    Part.HOSTING,
    "with an empty /opt/ml/model the server exits, or /ping does not return 200",
    _SOURCE,
    _FIX,
    _ONE_MODEL,
)
DAMAGED = Point(
    "H3-damaged-model",
    Part.HOSTING,
    "with damaged model files the server exits, or /ping does not return 200",
    _SOURCE,
    _FIX,
    _ONE_MODEL,
)
_SECONDS = 30.0
"""How long /ping is polled after its first response."""
_SILENT_SECONDS = 90.0
"""How long the first response may take: some servers start slowly, and report that they are healthy only then."""
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
            answer: wire.Answer | None = None
            deadline, responded = time.monotonic() + _SILENT_SECONDS, False
            while endpoint.alive and time.monotonic() < deadline:
                answer = wire.request(
                    (endpoint.host, endpoint.port), "GET", "/ping", headers=forward_headers({}), seconds=10
                )
                if answer.status and not responded:
                    deadline, responded = time.monotonic() + _SECONDS, True
                if answer.ok and endpoint.owns_address():
                    yield passed_if(point, False, f"/ping: {answer}")
                    return
                time.sleep(0.2)
            exited = f"the container exited with code {endpoint.process.poll()}"
            seconds = _SECONDS if responded else _SILENT_SECONDS
            still = f"/ping is still {answer} after {seconds:.0f} s"
            yield passed_if(point, True, still if endpoint.alive else exited)

    return Scenario(name, (point,), run)


SCENARIOS = (
    _scenario("an empty model directory", EMPTY, _leave_empty),
    _scenario("a damaged model", DAMAGED, _damage),
)
