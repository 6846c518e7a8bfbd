"""Traffic shifting of an endpoint's update: the user's choice, what SageMaker allows, and its request.

--canary, --linear, --rolling, --bake -> Strategy -> DeploymentConfig

Sources: DeploymentConfig, TrafficRoutingConfig and RollingUpdatePolicy in the API reference; developer guide,
"Deployment guardrails for updating models in production", with its pages on exclusions and rolling deployments.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import click

from scripts.errors import Failure

_DEFAULT_BAKE = 300
_MOST_SECONDS = 28_800
"""Largest MaximumExecutionTimeoutInSeconds."""
_STARTUP_SECONDS = 3600
"""Part of the time limit for what is no waiting: starting and stopping the instances."""


class Kind(StrEnum):
    """How the traffic moves from the old instances to the new ones."""

    ALL_AT_ONCE = "all at once"
    CANARY = "canary"
    LINEAR = "linear"
    ROLLING = "rolling"


_OPTIONS = (
    click.option("--canary", type=click.IntRange(1, 50), metavar="PERCENT",
                 help="Give this share of the new instances traffic first, then all of them."),
    click.option("--linear", type=click.IntRange(10, 50), metavar="PERCENT",
                 help="Give the new instances traffic in steps of this share."),
    click.option("--rolling", type=click.IntRange(5, 50), metavar="PERCENT",
                 help="Replace the instances in batches of this share: fewer run at the same time."),
    click.option("--bake", type=click.IntRange(60, 3600), metavar="SECONDS", show_default=str(_DEFAULT_BAKE),
                 help="How long the alarms watch after each step; the last one ends the old instances."),
)  # fmt: skip


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that are the keyword arguments of `Strategy.parse` to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True)
class Strategy:
    """How an update shifts traffic.

    Attributes:
        percent: Share of the instances in a step.
        bake_seconds: How long the alarms watch after each step.
    """

    kind: Kind = Kind.ALL_AT_ONCE
    percent: int = 100
    bake_seconds: int = _DEFAULT_BAKE

    @classmethod
    def parse(cls, *, canary: int | None, linear: int | None, rolling: int | None, bake: int | None) -> "Strategy":
        """Return the strategy that the options choose.

        Raises:
            Failure: they exclude each other, or take longer than SageMaker allows.
        """
        given = [
            (kind, percent)
            for kind, percent in ((Kind.CANARY, canary), (Kind.LINEAR, linear), (Kind.ROLLING, rolling))
            if percent is not None
        ]
        if len(given) > 1:
            raise Failure(f"--{given[0][0]} and --{given[1][0]} exclude each other: choose one")
        kind, percent = given[0] if given else (Kind.ALL_AT_ONCE, 100)
        found = cls(kind, percent, _DEFAULT_BAKE if bake is None else bake)
        if found.waiting_seconds >= _MOST_SECONDS:
            raise Failure(
                f"--{kind} {percent} --bake {found.bake_seconds}: {found.steps} steps take"
                f" {found.waiting_seconds / 3600:g} h of waiting, SageMaker allows less than 8 h: choose larger steps"
            )
        return found

    @property
    def steps(self) -> int:
        """Number of steps until all traffic is on the new instances."""
        return 2 if self.kind is Kind.CANARY else math.ceil(100 / self.percent)

    @property
    def waiting_seconds(self) -> int:
        """Seconds of all steps together in which the alarms watch."""
        return self.steps * self.bake_seconds

    def require_fits(self, instance_count: int, *, has_shadow: bool = False) -> None:
        """Reject a strategy that SageMaker does not have for the endpoint.

        Args:
            instance_count: Of the new configuration; 0 for a serverless endpoint.
            has_shadow: The endpoint has a shadow variant.

        Raises:
            Failure: guardrails are for instances only, or a step would be no whole instance.
        """
        if self.kind is Kind.ALL_AT_ONCE:
            return
        if instance_count == 0:
            raise Failure(f"--{self.kind}: a serverless endpoint is updated all at once; omit it")
        if has_shadow and self.kind is Kind.ROLLING:  # one of the exclusions
            raise Failure(
                "--rolling: SageMaker has it for a single variant, and this endpoint has a shadow: use --linear"
            )
        if instance_count == 1:
            raise Failure(
                f"--{self.kind} needs at least 2 instances, because traffic is shifted by whole instances:"
                f" add --instance-count 2, or omit --{self.kind}"
            )

    def request(self, alarms: Sequence[str]) -> dict[str, Any]:
        """Return UpdateEndpoint's DeploymentConfig, with the names of the *alarms* that roll the update back."""
        limit = min(self.waiting_seconds + _STARTUP_SECONDS, _MOST_SECONDS)
        size = {"Type": "CAPACITY_PERCENT", "Value": self.percent}
        rollback = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}}
        if self.kind is Kind.ROLLING:
            policy = {
                "MaximumBatchSize": size,
                "WaitIntervalInSeconds": self.bake_seconds,
                "MaximumExecutionTimeoutInSeconds": limit,
            }
            return {"RollingUpdatePolicy": policy, **rollback}
        routing: dict[str, Any] = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
        if self.kind is Kind.CANARY:
            routing = {"Type": "CANARY", "WaitIntervalInSeconds": self.bake_seconds, "CanarySize": size}
        elif self.kind is Kind.LINEAR:
            routing = {"Type": "LINEAR", "WaitIntervalInSeconds": self.bake_seconds, "LinearStepSize": size}
        return {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": routing,
                "TerminationWaitInSeconds": self.bake_seconds,
                "MaximumExecutionTimeoutInSeconds": limit,
            },
            **rollback,
        }

    def __str__(self) -> str:
        """Describe the strategy in a few words."""
        size = "" if self.kind is Kind.ALL_AT_ONCE else f" {self.percent} %"
        after = "it" if self.steps == 1 else f"each of {self.steps} steps"
        return f"{self.kind}{size}, alarms watch for {self.bake_seconds} s after {after}"
