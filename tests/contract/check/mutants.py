"""What a test of the check is made of: a mutant breaks one point, and exactly that one is reported.

Each test module of a part has a table `MUTANTS: dict[str, Mutant]`, by the name of the point that the mutant
breaks; test_checklist.py demands an entry for every point of every scenario.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from local_test.check.core.points import Finding, Scenario, Subject
from tests.contract.check import images


@dataclass(frozen=True)
class Mutant:
    """The good image with something wrong."""

    lines: Sequence[str] = ()
    """Added to its Dockerfile."""
    files: Mapping[str, str] = field(default_factory=dict)
    """In place of its programs, see `images.changed`, or for COPY."""

    def image(self, point: str) -> str:
        """Build it under a name of its own."""
        return images.build(point.lower(), self.lines, self.files)


def findings(scenarios: Iterable[Scenario], subject: Subject) -> dict[str, Finding]:
    """Run the scenarios one after the other; findings by the names of their points."""
    return {found.point.name: found for scenario in scenarios for found in scenario.run(subject)}


def faults(found: Mapping[str, Finding]) -> dict[str, str]:
    """Return what was observed of the points that are broken or have a warning, by their names."""
    return {name: finding.observed for name, finding in found.items() if finding.is_fault}
