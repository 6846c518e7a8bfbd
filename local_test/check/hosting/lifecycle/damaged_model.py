"""Points of a model that is not there or damaged: the container must not say that it is well."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

from local_test.check.core.points import Finding, Part, Point, Scenario, Subject, inconclusive, passed_if
from local_test.check.hosting.support import wire
from local_test.check.hosting.support.served import GUIDE
from local_test.platform.endpoint import start_endpoint
from local_test.platform.profiles import Conditions, Profile, forwarded_headers

_ONE_MODEL = frozenset(Profile) - {Profile.MULTI_MODEL}
_SOURCE = f"{GUIDE}: a static 200 has requests routed to an instance that cannot answer"
_FIX = "load the model before /ping says 200, and end with the reason when that fails"
EMPTY = Point(
    "H3-empty-model",
    Part.HOSTING,
    "with an empty model directory it ends, or /ping is not 200",
    _SOURCE,
    _FIX,
    _ONE_MODEL,
)
DAMAGED = Point(
    "H3-damaged-model", Part.HOSTING, "with damaged model files it ends, or /ping is not 200", _SOURCE, _FIX, _ONE_MODEL
)
_SECONDS = 30.0
"""How long one that does not end is asked, from its first answer on."""
_SILENT_SECONDS = 90.0
"""How long one that says nothing is waited for: some start slowly, and are well only then."""
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
            yield from inconclusive(point, "the image holds its own model")
            return
        base = subject.scratch / point.name
        make(subject.model, base / "damaged")
        conditions = Conditions.of(subject.profile, subject.environment)
        with start_endpoint(subject.image, subject.programs, base / "damaged", base / "run", conditions) as endpoint:
            answer: wire.Answer | None = None
            end, heard = time.monotonic() + _SILENT_SECONDS, False
            while endpoint.alive and time.monotonic() < end:
                answer = wire.request(
                    (endpoint.host, endpoint.port), "GET", "/ping", headers=forwarded_headers({}), seconds=10
                )
                if answer.status and not heard:
                    end, heard = time.monotonic() + _SECONDS, True
                if answer.ok and endpoint.owns_address():
                    yield passed_if(point, False, f"/ping is {answer}")
                    return
                time.sleep(0.2)
            ended = f"ended with exit code {endpoint.process.poll()}"
            seconds = _SECONDS if heard else _SILENT_SECONDS
            yield passed_if(point, True, f"/ping is {answer}, {seconds:.0f} s later still" if endpoint.alive else ended)

    return Scenario(name, (point,), run)


SCENARIOS = (
    _scenario("an empty model directory", EMPTY, _leave_empty),
    _scenario("a damaged model", DAMAGED, _damage),
)
