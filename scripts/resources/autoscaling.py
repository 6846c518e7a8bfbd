"""Autoscaling of an endpoint by Application Auto Scaling's target tracking.

MIN:MAX -> scalable target on the endpoint's variant -> policy: keep invocations per instance and minute near the target
"""

from dataclasses import dataclass
from typing import Any

from scripts.errors import Failure
from scripts.resources.endpoint import VARIANT

_NAMESPACE = "sagemaker"
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@dataclass(frozen=True)
class Scale:
    """Limits and target of autoscaling.

    Attributes:
        min_instances: Smallest number of instances.
        max_instances: Largest number of instances.
        invocations: Target requests per minute and instance.
    """

    min_instances: int
    max_instances: int
    invocations: float

    @classmethod
    def parse(cls, text: str, invocations: float) -> "Scale":
        """Parse `MIN:MAX`.

        Raises:
            Failure: *text* is not two whole numbers with 1 <= MIN < MAX.
        """
        smallest, _, largest = text.partition(":")
        if not (smallest.isdecimal() and largest.isdecimal() and 1 <= int(smallest) < int(largest)):
            raise Failure(f"--autoscale {text}: expected MIN:MAX, such as 1:4")
        return cls(int(smallest), int(largest), invocations)


def start(boto: Any, endpoint: str, scale: Scale) -> None:
    """Start autoscaling of *endpoint*, which is in service."""
    client = boto.client("application-autoscaling")
    client.register_scalable_target(
        **_target(endpoint), MinCapacity=scale.min_instances, MaxCapacity=scale.max_instances
    )
    client.put_scaling_policy(
        **_target(endpoint),
        PolicyName=endpoint,
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": scale.invocations,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
        },
    )


def stop(boto: Any, endpoint: str) -> bool:
    """Stop autoscaling, which deletes the policy and its alarms; return whether there was any."""
    client = boto.client("application-autoscaling")
    target = _target(endpoint)
    known = client.describe_scalable_targets(
        ServiceNamespace=_NAMESPACE, ResourceIds=[target["ResourceId"]], ScalableDimension=_DIMENSION
    )["ScalableTargets"]
    if known:
        client.deregister_scalable_target(**target)
    return bool(known)


def _target(endpoint: str) -> dict[str, str]:
    return {
        "ServiceNamespace": _NAMESPACE,
        "ResourceId": f"endpoint/{endpoint}/variant/{VARIANT}",
        "ScalableDimension": _DIMENSION,
    }
