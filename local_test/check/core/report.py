"""Report of the check, for people and programs.

Report  ->  lines on the terminal, check.json, junit.xml, check.html (self-contained)
"""

import datetime
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jinja2
from rich.console import Console
from rich.table import Table
from rich.text import Text

from local_test.check.core.points import Finding, Part, Verdict

_COLOURS = {
    Verdict.PASSED: "green",
    Verdict.BROKEN: "bold red",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.INCONCLUSIVE: "yellow",
}


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

    @property
    def exit_code(self) -> int:
        """1 if a point is broken; 0 if none is and at least one passed; 2 if no point was decided."""
        if Verdict.BROKEN in self.counts:
            return 1
        return 0 if Verdict.PASSED in self.counts else 2

    @property
    def summary(self) -> str:
        """Subject, profile, counts and duration in one line."""
        counts = ", ".join(f"{count} {verdict}" for verdict, count in self.counts.items())
        return f"{self.subject}, {self.profile}: {counts}, in {self.seconds:.0f} s"

    def print(self, console: Console, *, verbose: bool = False) -> None:
        """Print what is broken, then what is inconclusive; *verbose* adds all other points."""
        rest = (Verdict.PASSED, Verdict.NOT_APPLICABLE) if verbose else ()
        for verdict in (Verdict.BROKEN, Verdict.INCONCLUSIVE, *rest):
            for finding in self.findings:
                if finding.verdict is verdict:
                    _print(console, finding)

    def write(self, folder: Path) -> None:
        """Write check.json, junit.xml and check.html to *folder*, and make it if it is missing."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "check.json").write_text(json.dumps(self.as_json(), indent=1) + "\n", encoding="utf-8")
        self.as_junit().write(folder / "junit.xml", encoding="utf-8", xml_declaration=True)
        (folder / "check.html").write_text(self.as_html(), encoding="utf-8")

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON-compatible types."""
        return {
            "subject": self.subject,
            "profile": self.profile,
            "date": self.date.isoformat(timespec="seconds"),
            "seconds": round(self.seconds, 1),
            "counts": {str(verdict): count for verdict, count in self.counts.items()},
            "findings": [
                {
                    "point": finding.point.name,
                    "part": str(finding.point.part),
                    "verdict": str(finding.verdict),
                    "expected": finding.point.expected,
                    "observed": finding.observed,
                    "source": finding.point.source,
                    "fix": finding.point.fix,
                }
                for finding in self.findings
            ],
        }

    def as_junit(self) -> "ElementTree.ElementTree[ElementTree.Element]":
        """Return one test suite per part: broken is a failure, not applicable and inconclusive are skipped."""
        root = ElementTree.Element("testsuites", name=_printable(self.subject), time=f"{self.seconds:.1f}")
        for part in Part:
            findings = [finding for finding in self.findings if finding.point.part is part]
            if not findings:
                continue
            verdicts = Counter(finding.verdict for finding in findings)
            skipped = verdicts[Verdict.NOT_APPLICABLE] + verdicts[Verdict.INCONCLUSIVE]
            counts = {"tests": len(findings), "failures": verdicts[Verdict.BROKEN], "skipped": skipped}
            attributes = {"name": str(part), **{name: str(count) for name, count in counts.items()}}
            suite = ElementTree.SubElement(root, "testsuite", attributes)
            for finding in findings:
                case = ElementTree.SubElement(suite, "testcase", classname=part, name=finding.point.name)
                if finding.verdict is Verdict.BROKEN:
                    failure = ElementTree.SubElement(case, "failure", message=_printable(finding.observed))
                    failure.text = f"expected: {finding.point.expected}\nfix: {finding.point.fix}"
                elif finding.verdict is not Verdict.PASSED:
                    message = f"{finding.verdict}: {finding.observed}"
                    ElementTree.SubElement(case, "skipped", message=_printable(message))
        return ElementTree.ElementTree(root)

    def as_html(self) -> str:
        """Return the HTML page; output of the container is escaped."""
        text = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
        return jinja2.Environment(autoescape=True).from_string(text).render(report=self)


def _print(console: Console, finding: Finding) -> None:
    """Print the point, what was expected and observed, and of a broken one the fix and the source."""
    console.print(Text.assemble((finding.verdict, _COLOURS[finding.verdict]), "  ", (finding.point.name, "bold")))
    lines = {"expected": finding.point.expected, "observed": _printable(finding.observed)}
    if finding.verdict is Verdict.BROKEN:
        lines |= {"fix": finding.point.fix, "source": finding.point.source}
    for title, text in lines.items():
        if console.is_terminal:
            row = Table.grid(padding=(0, 1))
            row.add_column(width=10)
            row.add_row(Text(f"  {title}", "dim"), Text(text))
            console.print(row)
        else:  # a file or a pipe has no width, and a whole line can be searched for
            console.print(f"  {title:<9} {text}", soft_wrap=True, markup=False, highlight=False)


def _printable(text: str) -> str:
    """Replace control characters, such as a log's colour codes: XML does not allow them, and terminals obey them."""
    return "".join(character if character.isprintable() else "?" for character in text)
