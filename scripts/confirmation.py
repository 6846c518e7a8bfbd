"""The question before a command does what costs money or cannot be undone.

question -> yes -> the command goes on; a dry run is not asked, because it does nothing
"""

import sys

import click

from scripts import dry_run
from scripts.errors import Failure, OperationError


def require(question: str, refused: str, *, yes: bool) -> None:
    """Ask on the terminal, unless *yes*.

    Args:
        question: What is asked.
        refused: What is true after a no; ends the message.
        yes: The user has agreed by an option.

    Raises:
        Failure: there is no terminal to ask on.
        OperationError: the answer is no.
    """
    if yes or dry_run.is_on():
        return
    if not sys.stdin.isatty():
        raise Failure("cannot ask for confirmation without a terminal: pass --yes or set YES=1")
    if not click.confirm(question, err=True):
        raise OperationError(f"cancelled; {refused}")
