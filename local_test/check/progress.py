"""Run of the check with progress: a bar on a terminal; elsewhere a line per scenario, and one now and then between.

Subject  ->  the scenarios that apply  ->  run  ->  Report
"""

import datetime
import threading
import time

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local_test.check import catalogue
from local_test.check.core.points import Finding, Scenario, Subject
from local_test.check.core.run import applicable, run
from local_test.check.report.findings import Report

_SILENT_SECONDS = 30.0
"""How often what still runs is named where there is no bar: a start may take minutes."""


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

        over = threading.Event()

        def name_running() -> None:
            while not over.wait(_SILENT_SECONDS):
                if running:
                    click.echo(f"{time.monotonic() - start:5.0f} s  still running: {', '.join(running)}", err=True)

        if not console.is_terminal:
            threading.Thread(target=name_running, daemon=True).start()
        try:
            findings: list[Finding] = run(todo, subject, started, ended)
        finally:
            over.set()
    return Report(
        subject.name,
        str(subject.profile),
        tuple(findings),
        time.monotonic() - start,
        datetime.datetime.now(datetime.UTC),
    )
