"""Run of the check with progress: a bar on a terminal, a line per scenario elsewhere.

Subject  ->  the scenarios that apply  ->  run  ->  Report
"""

import datetime
import time

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local_test.check import catalogue
from local_test.check.core.points import Finding, Scenario, Subject
from local_test.check.core.run import applicable, run
from local_test.check.report.findings import Report


def run_with_progress(subject: Subject) -> Report:
    """Run the scenarios that apply and show their progress on stderr."""
    todo = applicable(catalogue.ALL, subject)
    start = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("", total=len(todo))
        running: list[str] = []

        def started(scenario: Scenario) -> None:
            running.append(scenario.name)
            progress.update(bar, description=", ".join(running))

        def ended(scenario: Scenario) -> None:
            running.remove(scenario.name)
            progress.update(bar, description=", ".join(running), advance=1)
            if not console.is_terminal and (scenario.at_url or not subject.url):
                click.echo(f"{time.monotonic() - start:5.0f} s  {scenario.name}", err=True)

        findings: list[Finding] = run(todo, subject, started, ended)
    return Report(
        subject.name,
        str(subject.profile),
        tuple(findings),
        time.monotonic() - start,
        datetime.datetime.now(datetime.UTC),
    )
