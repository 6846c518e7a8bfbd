"""As many instances as there is work, by Application Auto Scaling's target tracking.

MIN:MAX -> scalable target on the endpoint's variant -> policy: invocations an instance and minute near the target
"""

from dataclasses import dataclass
from typing import Any

from scripts.errors import Failure
from scripts.resources.endpoint import VARIANT

_NAMESPACE = "sagemaker"
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@dataclass(frozen=True)
class Scale:
    """From *least* to *most* instances, each of which gets about *invocations* requests a minute."""

    least: int
    most: int
    invocations: float

    @classmethod
    def of(cls, text: str, invocations: float) -> "Scale":
        """Read `MIN:MAX`.

        Raises:
            Failure: no such pair of whole numbers, 1 <= MIN < MAX.
        """
        least, _, most = text.partition(":")
        if not (least.isdecimal() and most.isdecimal() and 1 <= int(least) < int(most)):
            raise Failure(f"--autoscale {text}: expected MIN:MAX, such as 1:4")
        return cls(int(least), int(most), invocations)


def start(boto: Any, endpoint: str, scale: Scale) -> None:
    """Have the instances of *endpoint*, which is in service, follow its load."""
    client = boto.client("application-autoscaling")
    client.register_scalable_target(**_target(endpoint), MinCapacity=scale.least, MaxCapacity=scale.most)
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
    """End it, and with it the policy and its alarms; say whether there was any."""
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
