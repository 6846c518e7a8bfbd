"""Progress of an endpoint's update: stage, and share of the traffic on the new instances.

DescribeEndpoint every ten seconds -> a line for each stage -> the last description

The share is that of the instances which take traffic, because SageMaker shifts by instances: DescribeEndpoint has no
share of requests. Source: developer guide, "Events that Amazon SageMaker AI sends to Amazon EventBridge", endpoint
deployment state change, with the statuses and messages of VariantStatus.
"""

import re
import time
from collections.abc import Mapping
from typing import Any

import click

from scripts.aws import waiting
from scripts.errors import Interrupted
from scripts.resources import endpoint

_WITH_TRAFFIC = re.compile(r"capacity of (\d+) instance")


def describe(description: Mapping[str, Any]) -> str:
    """Describe in one line what the endpoint does."""
    status = str(description["EndpointStatus"])
    pending = description.get("PendingDeploymentSummary")
    if not pending:
        return f"{status} with {description['EndpointConfigName']}"
    variant = pending["ProductionVariants"][0]
    stage = (variant.get("VariantStatus") or [{}])[0]
    share, words = _share(variant), stage.get("StatusMessage") or stage.get("Status", "")
    traffic = f"{share} of the traffic on" if share else "to"
    return f"{status}: {traffic} {pending['EndpointConfigName']}{words and f'; {words}'}"


def _share(variant: Mapping[str, Any]) -> str:
    """Return "33 % (1 of 3 instances)"; empty while instances start, and for a serverless variant, which has none."""
    stage = (variant.get("VariantStatus") or [{}])[0]
    desired = variant.get("DesiredInstanceCount")
    if not desired or stage.get("Status") not in ("ActivatingTraffic", "Baking"):
        return ""
    told = _WITH_TRAFFIC.search(stage.get("StatusMessage", ""))
    active = int(told[1]) if told else variant.get("CurrentInstanceCount", 0)
    return f"{100 * active / desired:.0f} % ({active} of {desired} instances)"


def follow(client: Any, name: str) -> dict[str, Any]:
    """Wait until the endpoint is neither created nor changed; print each stage as it begins.

    Returns:
        The last description.

    Raises:
        Interrupted: Ctrl-C; the update goes on.
    """
    start, seen = time.monotonic(), ""

    def look() -> dict[str, Any]:
        nonlocal seen
        found: dict[str, Any] = client.describe_endpoint(EndpointName=name)
        if (line := describe(found)) != seen:
            click.echo(f"{time.monotonic() - start:5.0f} s  {line}")
            seen = line
        return found

    try:
        return waiting.wait_until_final(name, look, "EndpointStatus", endpoint.IN_PROGRESS)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; SageMaker goes on with {name}: follow it with python -m scripts.status --follow {name},"
            f" undo it afterwards with python -m scripts.rollback {name}"
        ) from None
