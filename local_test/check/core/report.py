"""Report of the check, for people and programs.

Report  ->  text, json, github or markdown on stdout; check.json, junit.xml, check.html (self-contained) in a folder
"""

import datetime
import enum
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import jinja2
from rich.console import Console

from local_test.check.core import formats
from local_test.check.core.points import Finding, Verdict
from local_test.check.core.terminal import print_findings, printable


class Format(enum.StrEnum):
    """What is written to stdout."""

    TEXT = "text"
    JSON = "json"
    """The content of check.json."""
    GITHUB = "github"
    """Annotations of GitHub Actions."""
    MARKDOWN = "markdown"
    """A summary for $GITHUB_STEP_SUMMARY."""


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

    def text(self, console: Console, *, verbose: bool = False) -> None:
        """Print what is broken, the warnings and what is inconclusive; *verbose* adds all other points."""
        hidden = () if verbose else (Verdict.PASSED, Verdict.NOT_APPLICABLE)
        print_findings(console, (finding for finding in self.ordered() if finding.verdict not in hidden))

    def formatted(self, kind: Format) -> str:
        """Return the report in a format other than TEXT."""
        if kind is Format.JSON:
            return self._json()
        return formats.as_github(self) if kind is Format.GITHUB else formats.as_markdown(self)

    def write(self, folder: Path) -> None:
        """Write check.json, junit.xml and check.html to *folder*, and make it if it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "check.json").write_text(self._json(), encoding="utf-8")
        formats.as_junit(self).write(folder / "junit.xml", encoding="utf-8", xml_declaration=True)
        (folder / "check.html").write_text(self.as_html(), encoding="utf-8")

    def as_html(self) -> str:
        """Return the HTML page; output of the container is escaped."""
        text = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
        return jinja2.Environment(autoescape=True).from_string(text).render(report=self)

    def _json(self) -> str:
        return json.dumps(formats.as_json(self), indent=1) + "\n"
