"""Cost confirmation before a command starts billable resources.

Bill(instance type, count, hours) -> one line on the screen -> yes, or the command ends
"""

from dataclasses import dataclass

import click

from scripts import confirmation

_PRICE_LIST = "https://aws.amazon.com/sagemaker/ai/pricing/"


@dataclass(frozen=True)
class Bill:
    """Instances that are billed by the hour.

    Attributes:
        count: Number of instances; the minimum, if *max_count* is given.
        hours: Time limit; None: they run for *duration*.
        spot: Spot instances.
        duration: How long they run without a time limit, in words.
        max_count: Largest number of instances, with autoscaling.
        extras: Other billable resources, in words that follow the instance type.
    """

    instance_type: str
    count: int
    hours: float | None = None
    spot: bool = False
    duration: str = "until you delete it, day and night"
    max_count: int | None = None
    extras: str = ""


def describe(bill: Bill, region: str) -> str:
    """Describe what is billed, in one line."""
    limit = f"for at most {bill.hours:g} h" if bill.hours else bill.duration
    spot = " as spot" if bill.spot else ""
    count = f"{bill.count} to {bill.max_count}" if bill.max_count else bill.count
    instances = f"{count} x {bill.instance_type}{spot}{bill.extras}"
    return f"this costs money: {instances}, {limit}; prices of {region}: {_PRICE_LIST}"


def confirm(bill: Bill, region: str, *, yes: bool) -> None:
    """Print what is billed, and ask for confirmation unless *yes*.

    Raises:
        Failure: there is no terminal to ask on.
        OperationError: the answer is no.
    """
    _ask(describe(bill, region), yes=yes)


def confirm_serverless(memory_mb: int, *, yes: bool) -> None:
    """Print how a serverless endpoint is billed, and ask for confirmation unless *yes*.

    Raises:
        Failure: as for `confirm`.
    """
    _ask(f"this costs money: serverless, {memory_mb} MB, billed by request duration; prices: {_PRICE_LIST}", yes=yes)


def _ask(text: str, *, yes: bool) -> None:
    click.echo(text)
    confirmation.require("Start it?", "nothing was started", yes=yes)
