"""The new configuration and model are copies of what AWS describes, with the differences."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from scripts.errors import Failure
from scripts.resources.updates import change
from scripts.resources.updates.fleet import Fleet

URL, NEXT = "s3://bucket/model.tar.gz", "s3://bucket/next.tar.gz"
ROLE = "arn:aws:iam::111122223333:role/traffic-signs-execution"
SOURCE = {"S3DataSource": {"S3Uri": URL, "S3DataType": "S3Object", "CompressionType": "Gzip"}}
CAPTURE = {"EnableCapture": True, "InitialSamplingPercentage": 20, "DestinationS3Uri": "s3://bucket/captures"}
VARIANT = {"VariantName": "AllTraffic", "ModelName": "m", "InstanceType": "ml.c5.large", "InitialInstanceCount": 1}
SHADOW = {**VARIANT, "VariantName": "Shadow", "ModelName": "s"}


def fleet() -> Fleet:
    answer: dict[str, Any] = {"CreationTime": datetime.now(UTC), "ResponseMetadata": {"HTTPStatusCode": 200}}
    configuration = {
        "EndpointConfigName": "e",
        "EndpointConfigArn": "arn:aws:sagemaker:us-east-1:111122223333:endpoint-config/e",
        "ProductionVariants": [VARIANT],
        "ShadowProductionVariants": [SHADOW],
        "DataCaptureConfig": CAPTURE,
        "EnableNetworkIsolation": False,
        **answer,
    }
    model = {
        "ModelName": "m",
        "ModelArn": "arn:aws:sagemaker:us-east-1:111122223333:model/m",
        "PrimaryContainer": {
            "Image": "image:1", "Mode": "SingleModel", "ModelDataUrl": URL, "ModelDataSource": SOURCE,
            "Environment": {"A": "1"},
        },
        "ExecutionRoleArn": ROLE,
        "EnableNetworkIsolation": True,
        **answer,
    }  # fmt: skip
    return Fleet("image:1", "sha256:1", URL, ROLE, "ml.c5.large", 1, configuration, model)


def test_capture_shadow_isolation_environment_and_tags_stay() -> None:
    now = fleet()
    tags = {"team": "signs", "aws:stack": "x", "previous-configuration": "older", "training-job": "of the old model"}
    model, configuration = change.requests(now, replace(now, model_data=NEXT), "e-u20261130000000", tags, {})
    assert model.parameters == {
        "ModelName": "e-u20261130000000",
        # AWS answers with ModelDataSource, too, and takes one of both
        "PrimaryContainer": {
            "Image": "image:1", "Mode": "SingleModel", "ModelDataUrl": NEXT, "Environment": {"A": "1"}
        },
        "ExecutionRoleArn": ROLE,
        "EnableNetworkIsolation": True,
        "Tags": [{"Key": "team", "Value": "signs"}],
    }  # fmt: skip
    assert configuration.parameters == {
        "EndpointConfigName": "e-u20261130000000",
        "ProductionVariants": [{**VARIANT, "ModelName": "e-u20261130000000"}],
        "ShadowProductionVariants": [SHADOW],
        "DataCaptureConfig": CAPTURE,
        "Tags": [{"Key": "team", "Value": "signs"}, {"Key": "previous-configuration", "Value": "e"}],
    }


@pytest.mark.parametrize(
    ("image", "digest", "changed"),
    [
        ("image:1", "sha256:1", False),
        ("image:1", "sha256:2", True),  # the tag has moved
        ("image@sha256:1", "sha256:1", False),
        ("image:2", "", True),
        ("image:1", "", False),
    ],
)
def test_an_image_is_another_one_by_its_digest_where_both_are_known(image: str, digest: str, changed: bool) -> None:
    now = fleet()
    assert ("image" in change.differences(now, replace(now, image=image, digest=digest))) == changed


def test_configurations_of_other_endpoints_are_not_taken_for_updates() -> None:
    name = change.name_for("traffic-signs-a", "20261130000000")
    assert change.is_of("traffic-signs-a", name)
    assert change.is_of("traffic-signs-a", "traffic-signs-a")
    for other in ("traffic-signs-ab", "traffic-signs-a-b-u20261130000000", f"{name}-u20261130000000", f"x{name}"):
        assert not change.is_of("traffic-signs-a", other)
    with pytest.raises(Failure, match="SageMaker allows 63"):
        change.name_for("e" * 48, "20261130000000")
