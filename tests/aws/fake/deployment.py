"""Stages of an endpoint's creation or update, in the words of AWS's events.

Source: developer guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge", endpoint deployment state
change: statuses and messages of VariantStatus, and an example in which three instances are updated by a canary of one.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.aws.fake.refusals import batch


@dataclass(frozen=True)
class Stage:
    """VariantStatus of the new variant, and how many of its instances there are."""

    status: str
    message: str
    instances: int


def stages(instances: int, deployment: Mapping[str, Any]) -> Iterator[Stage]:
    """Yield the stages of a deployment of *instances* by DeploymentConfig *deployment*, {} for all at once."""
    if rolling := deployment.get("RollingUpdatePolicy"):
        size, wait, last = batch(rolling["MaximumBatchSize"], instances), rolling["WaitIntervalInSeconds"], 0
        for active in [*range(size, instances, size), instances]:
            yield Stage("Creating", f"Launching {active - last} instance(s).", last)
            yield from _shift("rolling" if active < instances else "full", active, wait, "WaitIntervalInSeconds")
            last = active
        return
    policy = deployment.get("BlueGreenUpdatePolicy", {})
    routing = policy.get("TrafficRoutingConfiguration", {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0})
    yield Stage("Creating", f"Launching {instances} instance(s).", 0)
    wait = routing["WaitIntervalInSeconds"]
    if routing["Type"] == "CANARY":
        yield from _shift("canary", batch(routing["CanarySize"], instances), wait, "WaitIntervalInSeconds")
    if routing["Type"] == "LINEAR":
        size = batch(routing["LinearStepSize"], instances)
        for active in range(size, instances, size):
            yield from _shift("linear", active, wait, "WaitIntervalInSeconds")
    yield from _shift("full", instances, policy.get("TerminationWaitInSeconds", 0), "TerminationWaitInSeconds")


def _shift(step: str, active: int, wait: int, member: str) -> Iterator[Stage]:
    capacity = f"{step} capacity of {active} instance(s)"
    yield Stage("ActivatingTraffic", f"Activating traffic on {capacity}.", active)
    yield Stage("Baking", f"Baking for {wait} seconds ({member}) with traffic enabled on {capacity}.", active)
