"""Progress bar and summary of a training job whose log goes to a file.

    Program  ->  log file  ->  progress in epochs; at the end the warnings, or the last lines after a failure

The bar parses lines such as "epoch 3 of 40, ..."; without them it shows only the elapsed time.
"""

import re
import subprocess
import time
from pathlib import Path

import click

_EPOCH = re.compile(r"epoch (\d+) of (\d+),")
_WARNING = re.compile(r" (WARNING|ERROR|CRITICAL) ")
_MOST_LINES = 20


def follow(process: "subprocess.Popen[bytes]", log: Path) -> int:
    """Show the progress of the job that writes *log* until it ends; return its exit code."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("training"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress, log.open(encoding="utf-8", errors="replace") as lines:
        bar = progress.add_task("", total=None)
        while (code := process.poll()) is None:
            time.sleep(0.1)
            if found := _EPOCH.findall(lines.read()):
                epoch, epochs = map(int, found[-1])
                progress.update(bar, completed=epoch, total=epochs)
    return code


def print_summary(log: Path, *, failed: bool) -> None:
    """Print to stderr the warnings of *log*, or its last lines if the job failed, and its path."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    for line in lines[-_MOST_LINES:] if failed else filter(_WARNING.search, lines):
        click.echo(line, err=True)
    click.echo(f"log of the job: {log}", err=True)
