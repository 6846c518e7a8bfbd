"""Report of the check, for people and programs.

Report  ->  table on the terminal, check.json, junit.xml, check.html (self-contained)
"""

import datetime
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jinja2
from rich import box
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

    def print(self, console: Console) -> None:
        """Print the table; broken points come last, where a terminal shows them, each with its fix."""
        table = Table(box=box.HORIZONTALS, show_lines=True)
        for name, ratio in (("point", 4), ("expected", 8), ("observed", 8), ("verdict", 3)):
            table.add_column(name, ratio=ratio, overflow="fold")
        for finding in sorted(self.findings, key=lambda finding: finding.verdict is Verdict.BROKEN):
            point = finding.point
            observed = Text(finding.observed)
            if finding.verdict is Verdict.BROKEN:
                observed.append(f"\nfix: {point.fix}", "bold")
            expected = Text.assemble(point.expected, (f"\n{point.source}", "dim"))
            table.add_row(Text(point.name), expected, observed, Text(finding.verdict, _COLOURS[finding.verdict]))
        console.print(table)

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


def _printable(text: str) -> str:
    """Replace characters that XML does not allow, such as the colour codes of a log."""
    return "".join(character if character.isprintable() else "?" for character in text)
