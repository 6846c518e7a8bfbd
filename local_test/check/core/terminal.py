"""Report as lines of text: one table a finding on a terminal, whole lines in a pipe or a file."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local_test.check.core.points import Finding, Verdict, printable
from local_test.check.core.report import Report

_COLOURS = {
    Verdict.PASSED: "green",
    Verdict.BROKEN: "bold red",
    Verdict.WARNING: "bold yellow",
    Verdict.NOT_APPLICABLE: "dim",
    Verdict.INCONCLUSIVE: "yellow",
}


def print_report(console: Console, report: Report, *, verbose: bool = False) -> None:
    """Print what is broken, the warnings and what is inconclusive; *verbose* adds all other points.

    A fault has its fix and its source.
    """
    for finding in report.ordered():
        if verbose or finding.verdict not in (Verdict.PASSED, Verdict.NOT_APPLICABLE):
            _print(console, finding)


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
