"""Report in the formats of other programs.

Report  ->  formatted: JSON, annotations of GitHub, Markdown
        ->  write: check.json, junit.xml, check.html (self-contained)
"""

import enum
import html
import json
import re
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from local_test.check.core.points import Finding, Part, Verdict, printable
from local_test.check.report.findings import Report


class Format(enum.StrEnum):
    """What is written to stdout."""

    TEXT = "text"
    JSON = "json"
    """The content of check.json."""
    GITHUB = "github"
    """Annotations of GitHub Actions."""
    MARKDOWN = "markdown"
    """A summary for $GITHUB_STEP_SUMMARY."""


def formatted(report: Report, kind: Format) -> str:
    """Return the report in a format other than TEXT, which `terminal` prints."""
    writers = {Format.JSON: _json, Format.GITHUB: _github, Format.MARKDOWN: _markdown}
    return writers[kind](report)


def write(report: Report, folder: Path) -> None:
    """Write check.json, junit.xml and check.html to *folder*, and make it if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "check.json").write_text(_json(report), encoding="utf-8")
    _junit(report).write(folder / "junit.xml", encoding="utf-8", xml_declaration=True)
    (folder / "check.html").write_text(_html(report), encoding="utf-8")


def _html(report: Report) -> str:
    """Return the HTML page; output of the container is escaped."""
    text = Path(__file__).with_name("report.html").read_text(encoding="utf-8")
    import jinja2

    return jinja2.Environment(autoescape=True).from_string(text).render(report=report)


def _json(report: Report) -> str:
    content = {
        "subject": report.subject,
        "profile": report.profile,
        "date": report.date.isoformat(timespec="seconds"),
        "seconds": round(report.seconds, 1),
        "counts": {str(verdict): count for verdict, count in report.counts.items()},
        "findings": [
            {
                "point": finding.point.name,
                "part": str(finding.point.part),
                "verdict": str(finding.verdict),
                "level": str(finding.point.level),
                "expected": finding.point.expected,
                "observed": finding.observed,
                "source": finding.point.source,
                "fix": finding.point.fix,
            }
            for finding in report.findings
        ],
    }
    return json.dumps(content, indent=1) + "\n"


def _junit(report: Report) -> "ElementTree.ElementTree[ElementTree.Element]":
    """Return one test suite per part: broken is a failure, not applicable and inconclusive are skipped.

    A warning is a test that passed, with the warning as its output: it was run, so it is not skipped.
    """
    root = ElementTree.Element("testsuites", name=printable(report.subject), time=f"{report.seconds:.1f}")
    for part in Part:
        findings = [finding for finding in report.findings if finding.point.part is part]
        if not findings:
            continue
        verdicts = Counter(finding.verdict for finding in findings)
        skipped = verdicts[Verdict.NOT_APPLICABLE] + verdicts[Verdict.INCONCLUSIVE]
        counts = {"tests": len(findings), "failures": verdicts[Verdict.BROKEN], "skipped": skipped}
        attributes = {"name": str(part), **{name: str(count) for name, count in counts.items()}}
        suite = ElementTree.SubElement(root, "testsuite", attributes)
        for finding in findings:
            _add_case(suite, finding)
    return ElementTree.ElementTree(root)


def _add_case(suite: ElementTree.Element, finding: Finding) -> None:
    point = finding.point
    case = ElementTree.SubElement(suite, "testcase", classname=point.part, name=point.name)
    observed = printable(finding.observed)
    if finding.verdict is Verdict.BROKEN:
        failure = ElementTree.SubElement(case, "failure", message=observed)
        failure.text = f"expected: {point.expected}\nfix: {point.fix}\nsource: {point.source}"
    elif finding.verdict is Verdict.WARNING:
        output = ElementTree.SubElement(case, "system-out")
        output.text = f"warning: {observed}\nexpected: {point.expected}\nfix: {point.fix}\nsource: {point.source}"
    elif finding.verdict is not Verdict.PASSED:
        ElementTree.SubElement(case, "skipped", message=f"{finding.verdict}: {observed}")


def _github(report: Report) -> str:
    """Return a workflow command per fault, which GitHub Actions shows as an annotation; empty without a fault."""
    commands = {Verdict.BROKEN: "error", Verdict.WARNING: "warning"}
    lines = []
    for finding in report.ordered():
        if finding.is_fault:
            message = "\n".join(f"{title}: {text}" for title, text in _texts(finding).items())
            title = _property(finding.point.name)
            lines.append(f"::{commands[finding.verdict]} title={title}::{_data(message)}\n")
    return "".join(lines)


def _markdown(report: Report) -> str:
    """Return the counts, and a table of the faults and of what is inconclusive."""
    rows = [
        [finding.verdict, finding.point.name, *_texts(finding).values()]
        for finding in report.ordered()
        if finding.is_fault or finding.verdict is Verdict.INCONCLUSIVE
    ]
    lines = [f"**{_cell(report.summary)}**"]
    if rows:
        lines += ["", "| verdict | point | expected | observed | fix | source |", f"|{' --- |' * 6}"]
        lines += [f"| {' | '.join(_cell(text) for text in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def _texts(finding: Finding) -> dict[str, str]:
    point = finding.point
    fault = {"fix": point.fix, "source": point.source} if finding.is_fault else {"fix": "", "source": ""}
    return {"expected": point.expected, "observed": printable(finding.observed), **fault}


def _data(text: str) -> str:
    """Escape the message of a workflow command, as GitHub's toolkit does."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """Escape the value of a workflow command's property."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _cell(text: str) -> str:
    """Escape a cell of a table: what a container wrote must not become a link, an image or another column."""
    return re.sub(r"([\\`*_\[\]|~!#])", r"\\\1", html.escape(text, quote=False))
