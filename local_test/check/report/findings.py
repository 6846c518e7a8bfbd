"""Report of the check: the findings, in an order, with their counts and the exit code."""

import datetime
from collections import Counter
from dataclasses import dataclass

from local_test.check.core.points import Finding, Verdict, printable


@dataclass(frozen=True)
class Report:
    """Findings about one image."""

    subject: str
    """Name of the image, or folder of the programs."""
    profile: str
    findings: tuple[Finding, ...]
    seconds: float
    """Duration of the check."""
    date: datetime.datetime

    @property
    def counts(self) -> dict[Verdict, int]:
        """Number of points by verdict, without those that do not occur."""
        counted = Counter(finding.verdict for finding in self.findings)
        return {verdict: counted[verdict] for verdict in Verdict if counted[verdict]}

    def exit_code(self, *, strict: bool = False) -> int:
        """Return 1 if a point is broken, or with *strict* a warning; 2 if no point was decided; else 0."""
        if Verdict.BROKEN in self.counts or (strict and Verdict.WARNING in self.counts):
            return 1
        return 0 if {Verdict.PASSED, Verdict.WARNING} & self.counts.keys() else 2

    @property
    def summary(self) -> str:
        """Subject, profile, counts and duration in one line."""
        plural = {Verdict.WARNING: "warnings"}
        counts = ", ".join(
            f"{count} {plural.get(verdict, verdict) if count > 1 else verdict}"
            for verdict, count in self.counts.items()
        )
        return f"{printable(self.subject)}, {self.profile}: {counts}, in {self.seconds:.0f} s"

    def ordered(self) -> list[Finding]:
        """Return the findings, the most important ones first."""
        order = (Verdict.BROKEN, Verdict.WARNING, Verdict.INCONCLUSIVE, Verdict.PASSED, Verdict.NOT_APPLICABLE)
        return sorted(self.findings, key=lambda finding: order.index(finding.verdict))
