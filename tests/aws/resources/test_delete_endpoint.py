"""Endpoints are deleted with all their parts, in any state."""

from typing import Any

import pytest
from moto.core.exceptions import JsonRESTError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends

from tests.aws.cloud import IMAGE, MODEL, REGION, ROLE, Cloud


def test_endpoint_comes_and_goes(cloud: Cloud) -> None:
    done = cloud.deploy("traffic-signs-cpu", "--tag", "team=signs")
    assert done.returncode == 0, done.stderr
    assert cloud.sagemaker.describe_endpoint(EndpointName="traffic-signs-cpu")["EndpointStatus"] == "InService"
    assert cloud.variant("traffic-signs-cpu")["InstanceType"] == "ml.c5.large"
    assert "InferenceAmiVersion" not in cloud.variant("traffic-signs-cpu")
    model = cloud.sagemaker.describe_model(ModelName="traffic-signs-cpu")["PrimaryContainer"]
    assert (model["Image"], model["ModelDataUrl"]) == (IMAGE, MODEL)

    cloud.sagemaker.delete_endpoint(EndpointName="traffic-signs-cpu")
    removed = cloud.run("delete_endpoint", "traffic-signs-cpu")
    assert removed.returncode == 0, removed.stderr
    assert removed.stdout.count("does not exist") == 1
    assert removed.stdout.count(": deleted") == 2
    assert cloud.run("delete_endpoint", "traffic-signs-cpu").stdout.count("does not exist") == 3


def test_resources_made_before_a_refusal_are_named_and_can_be_removed(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "traffic-signs-quota"

    def refuse(**_: Any) -> None:
        raise JsonRESTError("ResourceLimitExceeded", "ml.c5.large for endpoint usage is 0 Instances")

    monkeypatch.setattr(sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION], "create_endpoint", refuse)
    done = cloud.deploy(name)
    assert done.returncode == 1
    assert "quota is used up" in done.stderr
    assert done.stderr.endswith(
        "; delete what was created, which may bill 1 x ml.c5.large day and night:"
        f" python -m scripts.delete_endpoint {name}\n"
    )
    assert cloud.run("delete_endpoint", name).stdout.count(": deleted") == 2
    monkeypatch.undo()
    again = cloud.deploy(name)
    assert again.returncode == 0, again.stderr


def test_a_shadow_model_whose_configuration_is_refused_does_not_stay(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK would use it for the next endpoint of that name."""
    name = "traffic-signs-half"

    def refuse(**_: Any) -> None:
        raise JsonRESTError("ResourceLimitExceeded", "endpoint configurations: limit is 0")

    monkeypatch.setattr(sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION], "create_endpoint_config", refuse)
    done = cloud.deploy(name, "--shadow-model", MODEL)
    assert done.returncode == 1
    assert "quota is used up" in done.stderr
    assert f"model {name}: deleted" in cloud.run("delete_endpoint", name).stdout
    assert not [model for model in cloud.sagemaker.list_models()["Models"] if model["ModelName"].startswith(name)]


@pytest.mark.parametrize("operation", ["describe_endpoint", "delete_model"])
def test_a_refusal_on_the_way_says_that_something_is_left(
    operation: str, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise JsonRESTError("ExpiredTokenException", "The security token included in the request is expired")

    monkeypatch.setattr(sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION], operation, refuse)
    done = cloud.run("delete_endpoint", "traffic-signs-late")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: the AWS login has expired; log in again")
    assert done.stderr.endswith("; what is left of traffic-signs-late may bill: run this command again\n")


def test_an_endpoint_under_way_is_removed_once_that_is_over(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "traffic-signs-early"
    variant = {"VariantName": "all", "ModelName": name, "InstanceType": "ml.c5.large", "InitialInstanceCount": 1}
    cloud.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE)
    cloud.sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    cloud.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION]
    describe, delete, statuses = backend.describe_endpoint, backend.delete_endpoint, ["Creating", "InService"]

    def under_way(endpoint_name: str) -> Any:
        description: dict[str, Any] = describe(endpoint_name)
        return {**description, "EndpointStatus": statuses.pop(0)}

    def as_aws(endpoint_name: str) -> None:
        if statuses:
            raise JsonRESTError("ValidationException", "Cannot update in-progress endpoint")
        delete(endpoint_name)

    monkeypatch.setattr(backend, "describe_endpoint", under_way)
    monkeypatch.setattr(backend, "delete_endpoint", as_aws)
    done = cloud.run("delete_endpoint", name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": deleted") == 3
