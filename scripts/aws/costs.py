"""What a step will cost, said before it starts; asks unless it was told not to.

Bill(instance type, count, hours) -> one line on the screen -> yes, or the command ends
"""

import sys
from dataclasses import dataclass

import click

from scripts.errors import Failure

_LIST = "https://aws.amazon.com/sagemaker/ai/pricing/"


@dataclass(frozen=True)
class Bill:
    """Machines by the hour; *hours* None: there is no limit, they run *until* something happens.

    With *most*, there are from *count* to *most* of them, by load; *also* says what comes on top.
    """

    instance_type: str
    count: int
    hours: float | None = None
    spot: bool = False
    until: str = "until you delete it, day and night"
    most: int | None = None
    also: str = ""


def line(bill: Bill, region: str) -> str:
    """Say what *bill* may come to."""
    limit = f"for at most {bill.hours:g} h" if bill.hours else bill.until
    spot = " as spot" if bill.spot else ""
    count = f"{bill.count} to {bill.most}" if bill.most else bill.count
    return f"this costs money: {count} x {bill.instance_type}{spot}{bill.also}, {limit}; prices of {region}: {_LIST}"


def confirm(bill: Bill, region: str, *, yes: bool) -> None:
    """Show the line and ask.

    Raises:
        Failure: the answer is no, or nobody is there to ask.
    """
    _ask(line(bill, region), yes=yes)


def confirm_serverless(memory_mb: int, *, yes: bool) -> None:
    """Show what a serverless endpoint is billed by, and ask.

    Raises:
        Failure: as `confirm`.
    """
    _ask(f"this costs money: serverless, {memory_mb} MB, for the time of its requests; prices: {_LIST}", yes=yes)


def _ask(text: str, *, yes: bool) -> None:
    click.echo(text)
    if yes:
        return
    if not sys.stdin.isatty():
        raise Failure("nobody is there to say yes to the cost: pass --yes or set YES=1")
    if not click.confirm("Start it?"):
        raise Failure("not started")
