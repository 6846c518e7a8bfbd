"""CloudWatch alarms that roll an update back.

endpoint, new configuration, Limits -> three alarms on the new instances only -> names for AutoRollbackConfiguration

An alarm on all instances would also be tripped by errors of the old ones, and stop the update that repairs them. So the
metrics are those with the dimension EndpointConfigName, which SageMaker publishes once the new instances have traffic.
Source: developer guide, "Auto-Rollback Configuration and Monitoring".
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from scripts.resources.updates.request import Request

_PERIOD_SECONDS = 60
_MICROSECONDS = 1000
"""In a millisecond."""


@dataclass(frozen=True)
class Limits:
    """What the new instances may do; more trips an alarm.

    Attributes:
        server_errors: Percentage of requests answered with 5xx.
        errors: Percentage of requests whose answer was not 2xx, or that got none.
        p95_ms: 95th percentile of the model's latency, milliseconds.
    """

    server_errors: float
    errors: float
    p95_ms: float


def names(endpoint: str) -> dict[str, str]:
    """Return the alarms' names, by what they watch."""
    return {what: f"{endpoint}-{what}" for what in ("5xx", "errors", "p95")}


def requests(endpoint: str, variant: str, configuration: str, limits: Limits, stale: Collection[str]) -> list[Request]:
    """Return the requests that make the alarms.

    They delete *stale* alarms of an earlier update first: put over one, a new alarm would begin with its state.
    """
    metrics = {
        "5xx": ("Invocation5XXErrors", {"Statistic": "Average"}, limits.server_errors / 100),
        "errors": ("InvocationModelErrors", {"Statistic": "Average"}, limits.errors / 100),
        "p95": ("ModelLatency", {"ExtendedStatistic": "p95"}, limits.p95_ms * _MICROSECONDS),
    }
    dimensions = {"EndpointName": endpoint, "VariantName": variant, "EndpointConfigName": configuration}
    found = [Request("cloudwatch", "delete_alarms", {"AlarmNames": list(stale)})] if stale else []
    for what, name in names(endpoint).items():
        metric, statistic, threshold = metrics[what]
        parameters = {
            "AlarmName": name,
            "AlarmDescription": f"Rolls the update of {endpoint} to {configuration} back",
            "Namespace": "AWS/SageMaker",
            "MetricName": metric,
            **statistic,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            "Period": _PERIOD_SECONDS,
            "EvaluationPeriods": 1,
            "Threshold": threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
        found.append(Request("cloudwatch", "put_metric_alarm", parameters))
    return found


def states(boto: Any, endpoint: str) -> dict[str, str]:
    """Return what each alarm of *endpoint* says, such as "OK", and why; {} if there are none."""
    found = boto.client("cloudwatch").describe_alarms(AlarmNames=list(names(endpoint).values()))["MetricAlarms"]
    return {
        alarm["AlarmName"]: alarm["StateValue"]
        + (f": {alarm['StateReason']}" if alarm["StateValue"] == "ALARM" and alarm.get("StateReason") else "")
        for alarm in found
    }


def tripped(boto: Any, endpoint: str) -> list[str]:
    """Return the alarms that are in ALARM, each with its reason."""
    return [f"{name} {state}" for name, state in states(boto, endpoint).items() if state.startswith("ALARM")]


def delete(boto: Any, endpoint: str) -> None:
    """Delete the alarms of *endpoint*, if there are any."""
    if found := states(boto, endpoint):
        boto.client("cloudwatch").delete_alarms(AlarmNames=list(found))
