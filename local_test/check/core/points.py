"""Data types of the check: points of the contract, scenarios that decide them, findings.

A scenario runs a container once, or inspects an image once, and decides several points,
because a start takes seconds and a decision takes no time.
"""

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from local_test.platform.profiles import InstanceType, Profile

Address = tuple[str, int]
"""Host and port."""
ONLY_A_CONTAINER = "only its container shows this; check the image, too"
"""Why a point is not applicable to a server that runs already."""


class Verdict(enum.StrEnum):
    """Result for one point."""

    PASSED = "passed"
    BROKEN = "broken"
    """A deployment or a job fails by it, or loses data."""
    WARNING = "warning"
    """It works; AWS's documents recommend otherwise, or it costs time or money, or breaks a use that is optional."""
    NOT_APPLICABLE = "not applicable"
    """The image does not offer the feature, and need not."""
    INCONCLUSIVE = "inconclusive"


class Part(enum.StrEnum):
    """Part of the contract that a point belongs to."""

    IMAGE = "image"
    TRAINING = "training"
    HOSTING = "hosting"


@dataclass(frozen=True)
class Point:
    """One requirement of the contract."""

    name: str
    """Unique: the item of the checklist and a few words, such as "H3-ping-in-time"."""
    part: Part
    expected: str
    source: str
    """Where the requirement comes from: page and section of AWS's guide, the API model, a bug report, a measurement."""
    fix: str
    """How to repair it, in one line."""
    profiles: frozenset[Profile] = frozenset(Profile)
    """Kinds of endpoints that the point applies to; all of them for points of training."""
    requires: Part | None = None
    """For a point of the image: the part, training or hosting, that must be checked too for it to apply."""
    level: Literal[Verdict.BROKEN, Verdict.WARNING] = Verdict.BROKEN
    """The most severe verdict; BROKEN only if AWS documents the requirement, or a deployment was seen to fail."""


@dataclass(frozen=True)
class Finding:
    """Verdict on one point, and what was observed."""

    point: Point
    verdict: Verdict
    observed: str
    """What was observed, in one line, with figures."""

    @property
    def is_fault(self) -> bool:
        """Whether there is something to repair."""
        return self.verdict in (Verdict.BROKEN, Verdict.WARNING)


def passed_if(point: Point, condition: bool, observed: object) -> Finding:
    """Return PASSED if *condition* is true, else the point's level, with what was observed."""
    return Finding(point, Verdict.PASSED if condition else point.level, str(observed))


def warning(point: Point, observed: object) -> Finding:
    """Return WARNING for the lesser fault of a point whose level is BROKEN, with what was observed."""
    return Finding(point, Verdict.WARNING, str(observed))


def warning_unless(point: Point, condition: bool, observed: object) -> Finding:
    """Return PASSED if *condition* is true, else WARNING, with what was observed."""
    return Finding(point, Verdict.PASSED if condition else Verdict.WARNING, str(observed))


def not_applicable(point: Point, observed: object) -> Finding:
    """Return NOT_APPLICABLE, with what was observed."""
    return Finding(point, Verdict.NOT_APPLICABLE, str(observed))


def inconclusive(points: Point | Iterable[Point], reason: str) -> Iterator[Finding]:
    """Yield INCONCLUSIVE for each point, with the reason."""
    for point in [points] if isinstance(points, Point) else points:
        yield Finding(point, Verdict.INCONCLUSIVE, reason)


def counted(number: int, noun: str) -> str:
    """Return *number* with *noun*, which has an s in the plural: 1 file, 2 files."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def printable(text: str) -> str:
    """Replace control characters, such as a log's colour codes: XML does not allow them, and terminals obey them."""
    return "".join(character if character.isprintable() else "?" for character in text)


@dataclass(frozen=True)
class Payload:
    """Request body to which the image should respond with 200."""

    body: bytes
    content_type: str


@dataclass(frozen=True)
class Subject:
    """Image or programs to check, with the data that the check needs."""

    image: str | None
    """Name of the image; None to run `train` and `serve` of the folder *programs* on the host."""
    scratch: Path
    """Folder for temporary files, with a subfolder per scenario; removed at the end."""
    parts: frozenset[Part] = frozenset(Part)
    """Parts to check: training, hosting, and the image itself if there is one."""
    profile: Profile = Profile.REAL_TIME
    channels: Mapping[str, Path] = field(default_factory=dict)
    """Training data: folders by channel name."""
    hyperparameters: Mapping[str, object] = field(default_factory=dict)
    """Any JSON values."""
    model: Path | None = None
    """Folder with the unpacked model.tar.gz to serve; None for an image that contains its model."""
    payload: Payload | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that the user's job or endpoint sets."""
    programs: Path | None = None
    only: frozenset[str] = frozenset()
    """Names of the points to check; empty for all that apply."""
    url: Address | None = None
    """Where a server runs already, of which only what requests show is checked; neither image nor programs then."""
    instance_type: InstanceType | None = None
    """Type of the instances of the job or endpoint; None for any."""
    name: str = ""
    """What the user calls it, for the report."""


@dataclass(frozen=True)
class Scenario:
    """One run of a container, or one inspection of the image, and the points that it decides."""

    name: str
    """Shown as progress, such as "training ends by itself"."""
    points: tuple[Point, ...]
    run: Callable[[Subject], Iterator[Finding]]
    """Yields at most one finding per point; points that it omits, or that an error prevents, are INCONCLUSIVE."""
    exclusive: bool = False
    """Runs while no other scenario does, because it measures time."""
    at_url: bool = False
    """Decides some of its points by requests alone."""
    late: bool = False
    """Waits for the result of another scenario, so those that do not wait start before it."""
