"""The fake refuses what AWS documents as refused, and keeps the states of the documents."""

from typing import Any

import pytest
from moto.sagemaker.exceptions import ValidationError

from tests.aws.fake.deployment import stages
from tests.aws.fake.hosting import Hosting

CONTAINER = {"Image": "image:1"}
INSTANCES = {"VariantName": "AllTraffic", "ModelName": "m", "InstanceType": "ml.c5.large", "InitialInstanceCount": 4}
SERVERLESS = {
    "VariantName": "AllTraffic", "ModelName": "m", "ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}
}  # fmt: skip
ALARM = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}


def percent(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def count(value: int) -> dict[str, Any]:
    return {"Type": "INSTANCE_COUNT", "Value": value}


def blue_green(routing: dict[str, Any], **limits: int) -> dict[str, Any]:
    routing = {"WaitIntervalInSeconds": 60, **routing}
    return {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing, **limits}}


def canary(size: dict[str, Any], **limits: int) -> dict[str, Any]:
    return blue_green({"Type": "CANARY", "CanarySize": size}, **limits)


def rolling(size: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"RollingUpdatePolicy": {"MaximumBatchSize": size, "WaitIntervalInSeconds": 60, **more}}


@pytest.fixture
def hosting() -> Hosting:
    states = {"a": "OK"}
    hosting = Hosting("arn:aws:sagemaker:us-east-1:111122223333", {"m": CONTAINER}.get, states.get)
    for name, variants in (("old", [INSTANCES]), ("new", [INSTANCES]), ("small", [SERVERLESS])):
        hosting.create_endpoint_config({"EndpointConfigName": name, "ProductionVariants": variants})
    hosting.create_endpoint({"EndpointName": "e", "EndpointConfigName": "old"})
    assert [status(hosting), status(hosting)] == ["Creating", "InService"]
    return hosting


def status(hosting: Hosting) -> str:
    return str(hosting.describe_endpoint({"EndpointName": "e"})["EndpointStatus"])


def update(hosting: Hosting, configuration: str = "new", **deployment: Any) -> None:
    request: dict[str, Any] = {"EndpointName": "e", "EndpointConfigName": configuration}
    hosting.update_endpoint(request | ({"DeploymentConfig": deployment} if deployment else {}))


@pytest.mark.parametrize(
    ("deployment", "words"),
    [
        (canary(percent(51)), "CanarySize must be 0 to 50 %"),
        (canary(count(3)), "CanarySize must be 0 to 50 %"),
        (blue_green({"Type": "CANARY"}), "CanarySize is required for CANARY"),
        (blue_green({"Type": "ALL_AT_ONCE", "CanarySize": percent(20)}), "CanarySize is required for CANARY"),
        (blue_green({"Type": "LINEAR", "LinearStepSize": percent(9)}), "LinearStepSize must be 10 to 50 %"),
        (blue_green({"Type": "HALF"}), "expected one of ALL_AT_ONCE, CANARY, LINEAR"),
        (canary(percent(25), TerminationWaitInSeconds=3601), "TerminationWaitInSeconds"),
        (canary(percent(25), TerminationWaitInSeconds=3600, MaximumExecutionTimeoutInSeconds=3660), "not larger"),
        (rolling(percent(4)), "MaximumBatchSize must be 5 to 50 %"),
        (rolling(percent(51)), "MaximumBatchSize must be 5 to 50 %"),
        (rolling(count(3)), "MaximumBatchSize must be 5 to 50 %"),
        (rolling(percent(50), MaximumExecutionTimeoutInSeconds=599), "MaximumExecutionTimeoutInSeconds"),
        ({"RollingUpdatePolicy": {"MaximumBatchSize": percent(20)}}, "WaitIntervalInSeconds"),
        ({**canary(percent(20)), **rolling(percent(20))}, "Specify one of"),
        ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "none"}]}}, "Could not find alarm none"),
        ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}] * 11}}, "at most 10"),
    ],
)
def test_a_deployment_that_aws_refuses(hosting: Hosting, deployment: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        update(hosting, **deployment)
    assert status(hosting) == "InService"


@pytest.mark.parametrize("deployment", [canary(percent(20)), rolling(percent(20)), ALARM])
def test_a_serverless_endpoint_has_no_guardrails(hosting: Hosting, deployment: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="not supported for serverless"):
        update(hosting, "small", **deployment)


def test_several_variants_or_other_names_exclude_a_rolling_deployment(hosting: Hosting) -> None:
    variants = [INSTANCES | {"VariantName": name} for name in "AB"]
    hosting.create_endpoint_config({"EndpointConfigName": "two", "ProductionVariants": variants})
    with pytest.raises(ValidationError, match="variant names"):
        update(hosting, "two", **rolling(percent(20)))
    shadow = {"ShadowProductionVariants": [INSTANCES | {"VariantName": "Shadow"}]}
    hosting.create_endpoint_config({"EndpointConfigName": "shadow", "ProductionVariants": [INSTANCES], **shadow})
    with pytest.raises(ValidationError, match="multi-variant"):
        update(hosting, "shadow", **rolling(percent(20)))


def test_names_must_be_there_and_new(hosting: Hosting) -> None:
    with pytest.raises(ValidationError, match="Could not find endpoint configuration"):
        update(hosting, "gone")
    with pytest.raises(ValidationError, match="Could not find endpoint"):
        hosting.update_endpoint({"EndpointName": "gone", "EndpointConfigName": "new"})
    with pytest.raises(ValidationError, match="already"):
        update(hosting, "old")
    with pytest.raises(ValidationError, match="already existing endpoint configuration"):
        hosting.create_endpoint_config({"EndpointConfigName": "old", "ProductionVariants": [INSTANCES]})
    other = INSTANCES | {"ModelName": "gone"}
    with pytest.raises(ValidationError, match="Could not find model"):
        hosting.create_endpoint_config({"EndpointConfigName": "x", "ProductionVariants": [other]})
    with pytest.raises(ValidationError, match="Missing required parameter"):
        hosting.create_endpoint_config({"EndpointConfigName": "x"})
    with pytest.raises(ValidationError, match="expected"):
        hosting.create_endpoint_config({"EndpointConfigName": "no_underscore", "ProductionVariants": [INSTANCES]})


@pytest.mark.parametrize("busy", ["Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"])
def test_one_thing_at_a_time(hosting: Hosting, busy: str) -> None:
    hosting.endpoints["e"].status = busy
    with pytest.raises(ValidationError, match="Cannot update in-progress endpoint"):
        update(hosting)
    with pytest.raises(ValidationError, match="Cannot update in-progress endpoint"):
        hosting.delete_endpoint({"EndpointName": "e"})


def test_a_failed_endpoint_can_be_deleted_and_nothing_else(hosting: Hosting) -> None:
    hosting.endpoints["e"].status = "Failed"
    with pytest.raises(ValidationError, match="Failed"):
        update(hosting)
    hosting.delete_endpoint({"EndpointName": "e"})
    assert status(hosting) == "Deleting"
    with pytest.raises(ValidationError, match="Could not find endpoint"):
        status(hosting)


def test_a_configuration_in_use_is_not_deleted(hosting: Hosting) -> None:
    update(hosting)
    for name in ("old", "new"):
        with pytest.raises(ValidationError, match="in use"):
            hosting.delete_endpoint_config({"EndpointConfigName": name})
    hosting.delete_endpoint_config({"EndpointConfigName": "small"})


def test_a_mixed_endpoint_takes_the_next_update(hosting: Hosting) -> None:
    hosting.endpoints["e"].status = "UpdateRollbackFailed"
    update(hosting, "old")
    assert [status(hosting) for _ in range(4)] == ["Updating"] * 3 + ["InService"]


@pytest.mark.parametrize(
    ("deployment", "active"),
    [
        ({}, [0, 4, 4]),
        (canary(percent(25)), [0, 1, 1, 4, 4]),
        (blue_green({"Type": "LINEAR", "LinearStepSize": percent(50)}), [0, 2, 2, 4, 4]),
        (rolling(count(2)), [0, 2, 2, 2, 4, 4]),
    ],
)
def test_traffic_moves_by_steps(deployment: dict[str, Any], active: list[int]) -> None:
    assert [stage.instances for stage in stages(4, deployment)] == active
