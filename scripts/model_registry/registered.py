"""Versions in SageMaker's Model Registry: finding, deciding, showing.

group -> newest approved version -> Registered: image, role, model.tar.gz, lineage
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from scripts.errors import Failure

DATA, JOB, PACKAGE = "data-fingerprint", "training-job", "model-package"
"""Tags that lead from an endpoint back to the data, the training job and the version."""
ROLE, METRIC = "execution-role", "metric."
"""Metadata of a version, besides its lineage: its execution role, and the prefix of its figures."""


@dataclass(frozen=True)
class Registered:
    """A version in the registry.

    Attributes:
        status: PendingManualApproval, Approved or Rejected.
        reason: Why it has this status; may be empty.
        metrics: Figures that were registered with it, as texts.
        instance_types: Types that endpoints may have; empty for any.
        lineage: Tags for what is made of it.
    """

    arn: str
    group: str
    number: int
    status: str
    reason: str
    image: str
    role: str
    model_data: str
    metrics: Mapping[str, str] = field(default_factory=dict)
    instance_types: Sequence[str] = ()
    lineage: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """GROUP/VERSION, as the commands take it."""
        return f"{self.group}/{self.number}"


def versions(client: Any, group: str, **status: str) -> Iterator[str]:
    """Yield the ARNs of the group's versions, the newest first; with ModelApprovalStatus=, those that have it."""
    pages = client.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", **status
    )
    for page in pages:
        for one in page["ModelPackageSummaryList"]:
            yield one["ModelPackageArn"]


def find_approved(client: Any, group: str) -> Registered:
    """Return the newest approved version of the group.

    Raises:
        Failure: none is approved.
    """
    for arn in versions(client, group, ModelApprovalStatus="Approved"):
        return describe(client, arn)
    raise Failure(f"{group} has no approved version: register one with make register, then make approve")


def describe(client: Any, arn: str) -> Registered:
    """Look up a version.

    Raises:
        Failure: it is not one that SageMaker can deploy from one image and one model.tar.gz.
        botocore.exceptions.ClientError: it does not exist.
    """
    found = client.describe_model_package(ModelPackageName=arn)
    inference = found.get("InferenceSpecification", {})
    try:
        group, number = found["ModelPackageGroupName"], found["ModelPackageVersion"]
        [container] = inference["Containers"]
        image, model_data = container["Image"], container["ModelDataUrl"]
    except (KeyError, ValueError) as error:
        raise Failure(f"{arn} is not one image with one model.tar.gz: register it with make register") from error
    properties = found.get("CustomerMetadataProperties", {})
    lineage = {key: properties.get(key, "") for key in (DATA, JOB)} | {PACKAGE: arn}
    return Registered(
        arn=arn,
        group=group,
        number=number,
        status=found.get("ModelApprovalStatus", ""),
        reason=found.get("ApprovalDescription", ""),
        image=image,
        role=properties.get(ROLE, ""),
        model_data=model_data,
        metrics={key.removeprefix(METRIC): text for key, text in properties.items() if key.startswith(METRIC)},
        instance_types=inference.get("SupportedRealtimeInferenceInstanceTypes", []),
        lineage={key: text for key, text in lineage.items() if text},
    )


def find(client: Any, group: str, number: int) -> Registered:
    """Return a version of the group, the newest if *number* is 0.

    Raises:
        Failure: there is none.
    """
    for arn in versions(client, group):
        if not number or arn.endswith(f"/{number}"):
            return describe(client, arn)
    raise Failure(f"the registry has no {group}/{number or '...'}: register a model with make register")


def decide(client: Any, version: Registered, status: str, reason: str) -> None:
    """Set the approval status, Approved or Rejected, with its reason; an empty one clears the reason before it."""
    client.update_model_package(ModelPackageArn=version.arn, ModelApprovalStatus=status, ApprovalDescription=reason)


def tag(client: Any, arn: str, lineage: Mapping[str, str]) -> None:
    """Add the lineage to the tags of a resource."""
    client.add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in lineage.items()])


def text(version: Registered, other: Registered | None = None) -> str:
    """Return the version in lines for people, with the figures of the *other* one beside its own."""
    lines = [
        f"{version.name}: {version.status}{f' ({version.reason})' if version.reason else ''}",
        f"  image  {version.image}",
        f"  model  {version.model_data}",
    ]
    lines += [f"  {key}  {value}" for key, value in version.lineage.items()]
    for name, value in version.metrics.items():
        beside = f"  ({other.name}, approved: {other.metrics.get(name, 'none')})" if other else ""
        lines.append(f"  {name}  {value}{beside}")
    return "\n".join(lines)


def as_json(version: Registered) -> dict[str, Any]:
    """Return the version as a JSON object."""
    return {**asdict(version), "metrics": {name: float(value) for name, value in version.metrics.items()}}
