"""What an endpoint runs, or would run with another configuration, as AWS describes it.

name -> DescribeEndpoint -> its configuration -> its model -> Fleet
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from scripts.aws import ecr
from scripts.aws.ecr import ImageName
from scripts.errors import Failure, errors_of_aws, is_missing
from scripts.resources import endpoint

PREVIOUS = "previous-configuration"
"""Tag of a configuration: the name of the one that it replaced."""
_IDLE = ("InService", "UpdateRollbackFailed")
"""Statuses in which SageMaker updates an endpoint."""


@dataclass(frozen=True)
class Fleet:
    """What an endpoint runs.

    Attributes:
        image: URI of the image, with tag or digest.
        digest: "sha256:..." of the image; empty if AWS does not say.
        model_data: URI of model.tar.gz, or of a folder of models.
        role: ARN of the execution role.
        instance_type: Empty for a serverless endpoint; the preferred one of several.
        instance_count: 0 for a serverless endpoint.
        configuration: DescribeEndpointConfig's answer.
        model: DescribeModel's answer.
    """

    image: str
    digest: str
    model_data: str
    role: str
    instance_type: str
    instance_count: int
    configuration: Mapping[str, Any]
    model: Mapping[str, Any]

    @property
    def variant(self) -> Mapping[str, Any]:
        """The endpoint's production variant."""
        found: Mapping[str, Any] = self.configuration["ProductionVariants"][0]
        return found

    @property
    def instance_types(self) -> list[str]:
        """Types that AWS may choose, the preferred one first; empty for a serverless endpoint."""
        pools = sorted(self.variant.get("InstancePools", []), key=lambda pool: int(pool["Priority"]))
        return [pool["InstanceType"] for pool in pools] or [self.instance_type] * bool(self.instance_type)

    @property
    def hosts(self) -> str:
        """The types in words; "serverless" without any."""
        return " or ".join(self.instance_types) or "serverless"

    @property
    def name(self) -> str:
        """Name of the configuration."""
        return str(self.configuration["EndpointConfigName"])

    @property
    def arn(self) -> str:
        """ARN of the configuration."""
        return str(self.configuration["EndpointConfigArn"])


def describe(client: Any, name: str) -> dict[str, Any]:
    """Return DescribeEndpoint's answer.

    Raises:
        Failure: there is no such endpoint.
    """
    found: dict[str, Any] = _find(client, "endpoint", name, lambda: client.describe_endpoint(EndpointName=name))
    return found


def require_idle(description: Mapping[str, Any]) -> None:
    """Reject an endpoint that SageMaker would not update now.

    Raises:
        Failure: what it is doing, and what to do.
    """
    name, status = description["EndpointName"], description["EndpointStatus"]
    if status in (*endpoint.IN_PROGRESS, "Deleting"):
        raise Failure(
            f"{name} is {status}, and SageMaker changes one thing at a time: wait for its end with"
            f" python -m scripts.status --follow {name}"
        )
    if status not in _IDLE:
        reason = description.get("FailureReason", "SageMaker gives no reason")
        raise Failure(
            f"{name} is {status} ({reason}) and can only be deleted: python -m scripts.delete_endpoint {name}"
        )


def running(client: Any, description: Mapping[str, Any]) -> Fleet:
    """Return what the endpoint with this DescribeEndpoint answer runs, with as many instances as it has now."""
    variant = (description.get("ProductionVariants") or [{}])[0]  # may be absent until there is an instance
    images = variant.get("DeployedImages") or [{}]
    digest = str(images[0].get("ResolvedImage", "")).partition("@")[2]
    return configured(
        client, description["EndpointConfigName"], digest=digest, instance_count=variant.get("DesiredInstanceCount")
    )


def configured(client: Any, configuration: str, *, digest: str = "", instance_count: int | None = None) -> Fleet:
    """Return what an endpoint with *configuration* runs.

    Args:
        client: boto3's for SageMaker.
        configuration: Its name.
        digest: Of the image, where it is known.
        instance_count: In place of the configuration's, such as after autoscaling.

    Raises:
        Failure: it does not exist any more, or is none that `deploy` makes.
    """
    found = _find(
        client,
        "configuration",
        configuration,
        lambda: client.describe_endpoint_config(EndpointConfigName=configuration),
    )
    variants = found["ProductionVariants"]
    if len(variants) != 1 or not variants[0].get("ModelName"):
        raise Failure(
            f"configuration {configuration} has {len(variants)} variants, or no model of its own: not made by deploy;"
            " update it with the AWS CLI"
        )
    name = variants[0]["ModelName"]
    model = _find(client, "model", name, lambda: client.describe_model(ModelName=name))
    container = model.get("PrimaryContainer") or {}
    if not container.get("Image"):
        raise Failure(f"model {name} is a pipeline or a package: not made by deploy; update it with the AWS CLI")
    serverless = "ServerlessConfig" in variants[0]
    found_fleet = Fleet(
        image=container["Image"],
        digest=digest or container["Image"].partition("@")[2],
        # an uncompressed model may have its source only
        model_data=container.get("ModelDataUrl")
        or container.get("ModelDataSource", {}).get("S3DataSource", {}).get("S3Uri", ""),
        role=model["ExecutionRoleArn"],
        instance_type=variants[0].get("InstanceType", ""),
        instance_count=0 if serverless else instance_count or variants[0]["InitialInstanceCount"],
        configuration=found,
        model=model,
    )
    return replace(found_fleet, instance_type=next(iter(found_fleet.instance_types), ""))


def previous(client: Any, fleet: Fleet) -> str:
    """Return the name of the configuration that this one replaced, empty if it is the first."""
    return tags(client, fleet.arn).get(PREVIOUS, "")


def tags(client: Any, arn: str) -> dict[str, str]:
    """Return the tags of a resource."""
    pages = client.get_paginator("list_tags").paginate(ResourceArn=arn)
    return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}


def resolve(boto: Any, image: str) -> str:
    """Return the digest that the image's tag stands for now; empty if this login cannot read it."""
    if "@" in image or not (name := ImageName.parse(image)):
        return image.partition("@")[2]
    try:
        return ecr.digest(boto, name)
    except errors_of_aws():
        return ""


def _find(client: Any, kind: str, name: str, call: Any) -> Any:
    from botocore.exceptions import ClientError

    try:
        return call()
    except ClientError as error:
        if is_missing(error):
            raise Failure(f"{client.meta.region_name} has no {kind} {name}") from error
        raise
