"""Data types of the table of mutants.

Variant: a change of the good image  ->  Entry: the mutant of a point, and the odd image for it
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from local_test.check.core.points import Part, Payload
from local_test.platform.profiles import Profile
from tests.contract.check import images


class Kind(enum.Enum):
    """How the image of a variant is made."""

    CHANGED = enum.auto()
    """The good one, with lines and files."""
    ARM64 = enum.auto()
    """The good one's files, said to be for linux/arm64."""
    OCI = enum.auto()
    DOCKER = enum.auto()
    """In a registry, with a manifest of this media type."""
    LONG_NAME = enum.auto()
    LIMITS = enum.auto()
    """A name of 255 characters and, made up, 10 GB."""
    LARGE = enum.auto()
    """Of 11 GB; the size is made up, because such an image takes minutes."""


PAYLOAD = Payload(images.PAYLOAD, images.CONTENT_TYPE)


@dataclass(frozen=True)
class Variant:
    """The good image, or its programs on the host, changed; and what they are checked with."""

    lines: Sequence[str] = ()
    """Added to its Dockerfile."""
    files: Mapping[str, str] = field(default_factory=dict)
    """In place of its programs, see `images.changed`, or for COPY."""
    container: bool = False
    """It runs in a container; else bare, which takes a fraction of the time."""
    kind: Kind = Kind.CHANGED
    parts: frozenset[Part] = frozenset(Part)
    """For a variant of the image: what it is for."""
    profile: Profile = Profile.REAL_TIME
    payload: Payload = PAYLOAD
    hyperparameters: Mapping[str, str] = field(default_factory=dict)
    """Besides those of every job."""
    startup_seconds: float = 60
    """Until the server counts as one that never gets ready."""
    stop_seconds: float | None = None
    """Until a job that ignores SIGTERM is killed; None for the platform's."""
    needs_service: bool = False
    """It asks another container when it starts."""

    @property
    def is_good(self) -> bool:
        """Whether nothing of it differs from the good image."""
        return (
            self.kind is Kind.CHANGED
            and not self.lines
            and all(
                (images.GOOD / name).is_file() and (images.GOOD / name).read_text(encoding="utf-8") == text
                for name, text in self.files.items()
            )
        )

    def but(self, **fields: object) -> Self:
        """Return it with some fields replaced."""
        return replace(self, **fields)  # type: ignore[arg-type] # the names are checked when the table is loaded


@dataclass(frozen=True)
class Odd:
    """A variant that is unusual and right, in several ways at once."""

    name: str
    about: str
    variant: Variant


@dataclass(frozen=True)
class Entry:
    """What proves one point right."""

    fault: str
    """What the mutant does wrong, in a few words."""
    mutant: Variant
    odd: Odd
    oddity: str
    """What the odd image does in an unusual but compliant way at this point."""
    also: Mapping[str, str] = field(default_factory=dict)
    """Points that must report the mutant too: why one fault implies the other."""
