"""Report as lines of text: one table a finding on a terminal, whole lines in a pipe or a file."""

from collections import Counter
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local_test.check.core.points import ONLY_A_CONTAINER, Finding, Verdict, printable
from local_test.check.report.findings import Report

_COLOURS = {
    Verdict.PASSED: "green",
    Verdict.BROKEN: "bold red",
    Verdict.WARNING: "bold yellow",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.INCONCLUSIVE: "yellow",
}

_QUIET = (Verdict.PASSED, Verdict.NOT_APPLICABLE)
_MAX_ALIKE = 3
"""Points that are inconclusive for the same reason and still printed one by one."""


def print_report(console: Console, report: Report, *, verbose: bool = False) -> None:
    """Print what is broken, the warnings and what is inconclusive; *verbose* adds all other points.

    A fault has its fix and its source. Many points that are inconclusive for the same reason share one entry, as do
    those of which a server that runs already shows nothing.
    """
    findings = [finding for finding in report.ordered() if verbose or finding.verdict not in _QUIET]
    alike = Counter(finding.observed for finding in findings if finding.verdict is Verdict.INCONCLUSIVE)
    for finding in findings:
        count = alike[finding.observed] if finding.verdict is Verdict.INCONCLUSIVE else 1
        if count <= _MAX_ALIKE or verbose:
            _print(console, finding)
    for reason, count in alike.items():
        if count > _MAX_ALIKE and not verbose:
            _print_lines(console, Verdict.INCONCLUSIVE, f"{count} points", {"observed": reason})
    hidden = sum(finding.observed == ONLY_A_CONTAINER for finding in report.findings)
    if hidden and not verbose:
        _print_lines(console, Verdict.NOT_APPLICABLE, f"{hidden} points", {"observed": ONLY_A_CONTAINER})


def _print(console: Console, finding: Finding) -> None:
    lines = {"expected": finding.point.expected, "observed": finding.observed}
    if finding.is_fault:
        lines |= {"fix": finding.point.fix, "source": finding.point.source}
    _print_lines(console, finding.verdict, finding.point.name, lines)


def _print_lines(console: Console, verdict: Verdict, name: str, lines: Mapping[str, str]) -> None:
    console.print(Text.assemble((verdict, _COLOURS[verdict]), "  ", (name, "bold")))
    for title, text in lines.items():
        if console.is_terminal:
            row = Table.grid(padding=(0, 1))
            row.add_column(width=10)
            row.add_row(Text(f"  {title}", "dim"), Text(printable(text)))
            console.print(row)
        else:  # a file or a pipe has no width, and a whole line can be searched for
            console.print(f"  {title:<9} {printable(text)}", soft_wrap=True, markup=False, emoji=False, highlight=False)
