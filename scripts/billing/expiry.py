"""Expiry of an endpoint: a one-time schedule of EventBridge Scheduler that deletes the endpoint, and then itself.

--expires 2h -> Expiry -> schedule with the endpoint's name -> SageMaker's DeleteEndpoint, called by AWS

It does not depend on this machine. Configuration and model stay: they cost nothing, and delete_endpoint removes them.
"""

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from scripts import dry_run
from scripts.aws.session import Account, readable_errors
from scripts.errors import Failure, OperationError
from scripts.parsing import ROLE_ARN

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_SHORTEST, _LONGEST = timedelta(minutes=15), timedelta(days=365)
"""AWS does not delete an endpoint that is being created, which takes minutes."""
_TIME = "%Y-%m-%dT%H:%M:%S"


@dataclass(frozen=True)
class Expiry:
    """When an endpoint is deleted, and by which role.

    Attributes:
        after: Time from the start of the command.
        role: ARN of the role that EventBridge Scheduler deletes the endpoint with.
    """

    after: timedelta
    role: str

    @classmethod
    def parse(cls, text: str, role: str | None) -> "Expiry":
        """Parse a duration such as 90m, 2h or 3d.

        Raises:
            Failure: it is no duration between 15 minutes and 365 days, or there is no role.
        """
        found = re.fullmatch(r"(\d{1,6})([mhd])", text)
        after = timedelta(**{_UNITS[found[2]]: int(found[1])}) if found else timedelta()
        if not _SHORTEST <= after <= _LONGEST:
            raise Failure(f"--expires {text}: expected 15m to 365d, such as 90m, 2h or 3d")
        if not role:
            raise Failure("--expires needs --scheduler-role ARN or SCHEDULER_ROLE: see docs/iam-and-costs.md")
        return cls(after, role)

    @property
    def hours(self) -> float:
        """The time in hours."""
        return self.after / timedelta(hours=1)


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --expires and --scheduler-role to a command, which gets them as one argument, an Expiry or None."""

    @functools.wraps(command)
    def parsed(*, expires: str | None, scheduler_role: str | None, **given: Any) -> Any:
        return command(expires=Expiry.parse(expires, scheduler_role) if expires else None, **given)

    role = click.option("--scheduler-role", type=ROLE_ARN, envvar="SCHEDULER_ROLE", show_envvar=True,
                        help="With --expires: ARN of the role that deletes the endpoint.")  # fmt: skip
    expires = click.option("--expires", metavar="DURATION", help="Have AWS delete the endpoint after 90m, 2h or 3d.")
    return expires(role(parsed))


def start(account: Account, endpoint: str, expiry: Expiry) -> datetime:
    """Schedule the deletion of *endpoint*, and check that the schedule is there; return its time, UTC.

    The endpoint need not exist yet: a command that dies while it is created leaves one that expires.

    Raises:
        OperationError: AWS refuses, for example the role, or has another schedule than was asked for.
    """
    client = account.boto.client("scheduler")
    at = datetime.now(UTC).replace(microsecond=0) + expiry.after
    removal = f"a schedule may be left, remove it: python -m scripts.delete_endpoint {endpoint}"
    partition = account.boto.get_partition_for_region(account.region)
    target = {
        "Arn": f"arn:{partition}:scheduler:::aws-sdk:sagemaker:deleteEndpoint",
        "RoleArn": expiry.role,
        "Input": json.dumps({"EndpointName": endpoint}),
    }
    with readable_errors("scheduler", f"no endpoint was created; {removal}"):
        client.create_schedule(
            Name=endpoint,
            Description=f"deletes the endpoint {endpoint}",
            ScheduleExpression=f"at({at:{_TIME}})",
            ScheduleExpressionTimezone="UTC",
            FlexibleTimeWindow={"Mode": "OFF"},
            ActionAfterCompletion="DELETE",
            Target=target,
        )
        if dry_run.is_on():
            return at
        found = client.get_schedule(Name=endpoint)
    made = {key: found.get("Target", {}).get(key) for key in target}
    if found.get("State") != "ENABLED" or made != target or _time(found) != at:
        raise OperationError(
            f"the schedule {endpoint} is not what was asked for: {found.get('ScheduleExpression')}, {made}; {removal}"
        )
    return at


def require_none(account: Account, endpoint: str) -> None:
    """Reject a name whose schedule is left from an earlier endpoint, and would delete the new one.

    Raises:
        Failure: there is a schedule.
        OperationError: AWS refuses the call.
    """
    with readable_errors("scheduler"):
        if at := find(account.boto, endpoint):
            removal = f"python -m scripts.delete_endpoint {endpoint}"
            raise Failure(f"a schedule deletes {endpoint} {at:%Y-%m-%d %H:%M} UTC: choose another name, or {removal}")


def find(boto: Any, endpoint: str) -> datetime | None:
    """Return when *endpoint* is deleted, UTC; None if that is not scheduled.

    Raises:
        botocore.exceptions.ClientError: AWS refuses the call.
    """
    client = boto.client("scheduler")
    try:
        found = client.get_schedule(Name=endpoint)
    except client.exceptions.ResourceNotFoundException:
        return None
    return _time(found) if found.get("State") == "ENABLED" else None


def find_all(boto: Any, prefix: str) -> dict[str, datetime]:
    """Return endpoint -> time of its deletion, UTC, for the endpoints whose names begin with *prefix*."""
    names = [
        schedule["Name"]
        for page in boto.client("scheduler").get_paginator("list_schedules").paginate(NamePrefix=prefix)
        for schedule in page["Schedules"]
    ]
    return {name: at for name in names if (at := find(boto, name))}


def describe(account: Account, endpoint: str) -> str:
    """Describe the expiry of *endpoint* for people, in one line; empty if there is none."""
    at = find(account.boto, endpoint)
    return until(at) if at else ""


def until(at: datetime) -> str:
    """Write a time with what is left until then."""
    minutes = max(0, round((at - datetime.now(UTC)) / timedelta(minutes=1)))
    return f"{at:%Y-%m-%d %H:%M} UTC, in {minutes // 60} h {minutes % 60} min"


def stop(boto: Any, endpoint: str) -> bool:
    """Delete the schedule of *endpoint*; return whether there was one."""
    client = boto.client("scheduler")
    try:
        client.get_schedule(Name=endpoint)  # a dry run sends this, but no deletion
        client.delete_schedule(Name=endpoint)
    except client.exceptions.ResourceNotFoundException:
        return False
    return True


def _time(schedule: dict[str, Any]) -> datetime | None:
    """Return the time of a schedule; None for one that somebody else made with another expression or time zone."""
    found = re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", schedule.get("ScheduleExpression", ""))
    if not found or schedule.get("ScheduleExpressionTimezone") != "UTC":
        return None
    return datetime.strptime(found[1], _TIME).replace(tzinfo=UTC)
