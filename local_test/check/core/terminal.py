"""Findings as lines of text: one table a finding on a terminal, whole lines in a pipe or a file."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local_test.check.core.points import Finding, Verdict

_COLOURS = {
    Verdict.PASSED: "green",
    Verdict.BROKEN: "bold red",
    Verdict.WARNING: "bold yellow",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.INCONCLUSIVE: "yellow",
}


def print_findings(console: Console, findings: Iterable[Finding]) -> None:
    """Print each point, what was expected and observed, and of a fault the fix and the source."""
    for finding in findings:
        _print(console, finding)


def printable(text: str) -> str:
    """Replace control characters, such as a log's colour codes: XML does not allow them, and terminals obey them."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _print(console: Console, finding: Finding) -> None:
    console.print(Text.assemble((finding.verdict, _COLOURS[finding.verdict]), "  ", (finding.point.name, "bold")))
    lines = {"expected": finding.point.expected, "observed": printable(finding.observed)}
    if finding.is_fault:
        lines |= {"fix": finding.point.fix, "source": finding.point.source}
    for title, text in lines.items():
        if console.is_terminal:
            row = Table.grid(padding=(0, 1))
            row.add_column(width=10)
            row.add_row(Text(f"  {title}", "dim"), Text(text))
            console.print(row)
        else:  # a file or a pipe has no width, and a whole line can be searched for
            console.print(f"  {title:<9} {text}", soft_wrap=True, markup=False, highlight=False)
