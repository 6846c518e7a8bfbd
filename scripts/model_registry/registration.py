"""Registration of a version of a model in SageMaker's Model Registry.

Version -> CreateModelPackage request -> ARN, pending approval
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from scripts.model_registry.archive import Summary
from scripts.model_registry.registered import DATA, JOB, METRIC, ROLE

CONTENT_TYPES = ("application/json", "application/jsonlines", "text/csv", "application/x-npy", "application/x-npz",
                 "multipart/form-data", "image/png", "image/jpeg", "image/x-portable-pixmap")  # fmt: skip
"""Requests that this project's server reads."""
RESPONSE_TYPES = ("application/json", "application/jsonlines", "text/csv", "application/x-npy")
"""Answers that it writes."""


@dataclass(frozen=True)
class Version:
    """Specification of a new version.

    Attributes:
        image: URI of the image by digest.
        role: ARN of the execution role, with which deploy runs the model.
        model_data: URI of model.tar.gz.
        card: Model card as JSON.
        job: ARN of the training job; may be empty.
        quality: URI of the model quality statistics; may be empty.
        sample: URI of the sample payload, a tar.gz; may be empty.
    """

    group: str
    image: str
    role: str
    model_data: str
    summary: Summary
    card: str
    job: str = ""
    quality: str = ""
    sample: str = ""
    content_types: Sequence[str] = CONTENT_TYPES
    response_types: Sequence[str] = RESPONSE_TYPES
    instance_types: Sequence[str] = ()
    transform_types: Sequence[str] = ()


def create(client: Any, version: Version) -> str:
    """Create the version, pending approval, and its group if that is missing; return the version's ARN."""
    try:
        client.describe_model_package_group(ModelPackageGroupName=version.group)
    except client.exceptions.ClientError as error:
        if "does not exist" not in error.response["Error"].get("Message", ""):
            raise
        client.create_model_package_group(ModelPackageGroupName=version.group)
    return str(client.create_model_package(**request(version))["ModelPackageArn"])


def request(version: Version) -> dict[str, Any]:
    """Return the CreateModelPackage request; the lineage is metadata, because AWS refuses tags of versions."""
    summary = version.summary
    container = {
        "Image": version.image,
        "ImageDigest": version.image.partition("@")[2],
        "ModelDataUrl": version.model_data,
    }
    inference = {
        "Containers": [container],
        "SupportedContentTypes": list(version.content_types),
        "SupportedResponseMIMETypes": list(version.response_types),
        "SupportedRealtimeInferenceInstanceTypes": list(version.instance_types),
        "SupportedTransformInstanceTypes": list(version.transform_types),
    }
    properties = {ROLE: version.role, JOB: version.job.rpartition("/")[2]}
    properties |= {
        DATA if part == "training" else f"{part}-{DATA}": text for part, text in summary.fingerprints.items()
    }
    properties |= {f"{METRIC}{name}": f"{value:.6g}" for name, value in summary.metrics.items()}
    statistics = {"ContentType": "application/json", "S3Uri": version.quality}
    optional = {
        "SamplePayloadUrl": version.sample,
        "MetadataProperties": version.job and {"GeneratedBy": version.job},
        "ModelMetrics": version.quality and {"ModelQuality": {"Statistics": statistics}},
        "Domain": summary.labels and "COMPUTER_VISION",
        "Task": summary.labels and "IMAGE_CLASSIFICATION",
    }
    return {
        "ModelPackageGroupName": version.group,
        "InferenceSpecification": {key: value for key, value in inference.items() if value},
        "ModelApprovalStatus": "PendingManualApproval",
        "CustomerMetadataProperties": {key: value for key, value in properties.items() if value},
        "ModelCard": {"ModelCardContent": version.card, "ModelCardStatus": "Draft"},
        **{key: value for key, value in optional.items() if value},
    }
