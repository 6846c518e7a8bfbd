"""What a check consists of: points of the contract, scenarios that find out about them, findings.

A scenario runs a container once, or looks at an image once, and judges several points by what it saw,
because a start costs seconds and a judgement nothing.
"""

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local_test.platform.profiles import Profile


class Verdict(enum.StrEnum):
    """What was found out about a point."""

    HOLDS = "holds"
    BROKEN = "broken"
    NOT_CLAIMED = "not claimed"
    """The image does not say that it has the feature, and need not."""
    UNKNOWN = "could not tell"


class Part(enum.StrEnum):
    """What of the contract a point belongs to."""

    IMAGE = "image"
    TRAINING = "training"
    HOSTING = "hosting"


@dataclass(frozen=True)
class Point:
    """One demand of the contract."""

    name: str
    """The number in the checklist and a word or two: "H3-ping-in-time"; no two points share it."""
    part: Part
    expected: str
    source: str
    """Where the demand is written down: the page of AWS's guide, the API's model, or the report of whom it hit."""
    fix: str
    """What to do when it is broken, in one line."""
    profiles: frozenset[Profile] = frozenset(Profile)
    """Those that the point is checked with; of points of training all, as it has none."""
    only: Part | None = None
    """Of a point of the image: the part, training or hosting, without which it means nothing."""


@dataclass(frozen=True)
class Finding:
    """What a scenario saw of a point."""

    point: Point
    verdict: Verdict
    seen: str
    """In one line, with figures."""


def found(point: Point, holds: bool, seen: object) -> Finding:
    """Say whether a point holds and what was seen."""
    return Finding(point, Verdict.HOLDS if holds else Verdict.BROKEN, str(seen))


def unclaimed(point: Point, seen: object) -> Finding:
    """Say that the image does without it."""
    return Finding(point, Verdict.NOT_CLAIMED, str(seen))


def unknown(points: Point | Iterable[Point], reason: str) -> Iterator[Finding]:
    """Say why points could not be judged."""
    for point in [points] if isinstance(points, Point) else points:
        yield Finding(point, Verdict.UNKNOWN, reason)


@dataclass(frozen=True)
class Payload:
    """A request body that the image is expected to answer with 200."""

    body: bytes
    content_type: str


@dataclass(frozen=True)
class Subject:
    """What is held against the contract, and what that needs."""

    image: str | None
    """Its name; None for the bare programs `train` and `serve` in *programs*, where no engine is."""
    scratch: Path
    """A folder to make others in, each scenario its own; removed at the end."""
    parts: frozenset[Part] = frozenset(Part)
    """What is asked for: training, hosting, and the image itself where there is one."""
    profile: Profile = Profile.REAL_TIME
    channels: Mapping[str, Path] = field(default_factory=dict)
    """Training data, a folder each."""
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    """Any values that JSON knows."""
    model: Path | None = None
    """The unpacked model.tar.gz to serve, or None for an image that holds its own."""
    payload: Payload | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that the user's job or endpoint sets."""
    programs: Path | None = None


@dataclass(frozen=True)
class Scenario:
    """One run or look, and the points that it decides."""

    name: str
    """What goes on, for the progress display: "training ends by itself"."""
    points: tuple[Point, ...]
    run: Callable[[Subject], Iterator[Finding]]
    """Yields at most a finding a point; those that it leaves out, or that an error keeps back, are UNKNOWN."""
    alone: bool = False
    """It measures time, and others would disturb it."""
