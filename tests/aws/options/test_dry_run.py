"""With --dry-run every request that would change something is printed, and none of them reaches AWS."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.aws.cloud import BUCKET, ENDPOINT, IMAGE, MODEL, ROLE, Cloud


def requests(cloud: Cloud, module: str, *arguments: Any) -> list[dict[str, Any]]:
    """Run a command with --dry-run; return the requests that it prints, in order."""
    done = cloud.run(module, *arguments, "--dry-run")
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


PARTS = ["DeleteEndpoint", "DeleteEndpointConfig", "DeleteModel"]
"""What an endpoint of `deploy` without options has in SageMaker."""


def parts(found: list[dict[str, Any]]) -> list[str]:
    return [request["operation"] for request in found if request["service"] == "sagemaker"]


def operations(found: list[dict[str, Any]]) -> list[str]:
    return [request["operation"] for request in found]


def left(cloud: Cloud) -> list[Any]:
    """All that is in the account."""
    client, s3 = cloud.sagemaker, cloud.s3
    buckets = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    return [
        client.list_models()["Models"],
        client.list_endpoint_configs()["EndpointConfigs"],
        client.list_endpoints()["Endpoints"],
        client.list_training_jobs()["TrainingJobSummaries"],
        client.list_transform_jobs()["TransformJobSummaries"],
        [(name, [item["Key"] for item in s3.list_objects_v2(Bucket=name).get("Contents", [])]) for name in buckets],
    ]


def test_a_deletion_promises_only_what_is_there(cloud: Cloud) -> None:
    done = cloud.run("delete_endpoint", "traffic-signs-nowhere", "--dry-run")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.count("does not exist") == 3
    cloud.sagemaker.create_model(ModelName="traffic-signs-rest", ExecutionRoleArn=ROLE)
    done = cloud.run("delete_endpoint", "traffic-signs-rest", "--dry-run")
    assert [json.loads(line)["operation"] for line in done.stdout.splitlines()] == ["DeleteModel"]
    assert "model traffic-signs-rest: would be deleted" in done.stderr


def test_training_is_shown_with_its_upload_and_without_a_yes(cloud: Cloud) -> None:
    before, bucket = left(cloud), "sagemaker-dry-run"
    found = requests(cloud, "train", *cloud.job, "--bucket", bucket, "--spot")
    assert operations(found) == ["CreateBucket", "PutObject", "CreateTrainingJob"]
    upload, job = found[1]["parameters"], found[2]["parameters"]
    assert upload["Body"] == "<6 bytes>"
    source = job["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    assert f"s3://{bucket}/{upload['Key']}" == f"{source}train.npz"
    assert (job["RoleArn"], job["EnableManagedSpotTraining"]) == (ROLE, True)
    assert left(cloud) == before
    assert not (cloud.folder / "job.json").exists()


def test_an_upload_in_parts_is_shown(cloud: Cloud) -> None:
    arguments = cloud.job
    (cloud.folder / "training" / "train.npz").write_bytes(bytes(9 << 20))
    found = requests(cloud, "train", *arguments, "--bucket", "sagemaker-dry-run")
    parts = [request["parameters"]["Body"] for request in found if request["operation"] == "UploadPart"]
    assert sorted(parts) == [f"<{1 << 20} bytes>", f"<{8 << 20} bytes>"]
    assert operations(found)[-2:] == ["CompleteMultipartUpload", "CreateTrainingJob"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--autoscale", "1:4", "--capture", 20), ["RegisterScalableTarget", "PutScalingPolicy"]),
        (("--serverless",), []),
        (("--async-output", "s3://bucket/out"), []),
        (("--multi-model", "s3://bucket/models"), []),
    ],
)
def test_deployment_is_shown_to_its_end(cloud: Cloud, options: tuple[Any, ...], expected: list[str]) -> None:
    before = left(cloud)
    found = requests(
        cloud, "deploy", "--image", IMAGE, "--role", ROLE, "--endpoint-name", "traffic-signs-dry",
        *(() if "--multi-model" in options else ("--model-data", MODEL)), *options,
    )  # fmt: skip
    assert operations(found) == ["CreateModel", "CreateEndpointConfig", "CreateEndpoint", *expected]
    assert found[2] == {
        "service": "sagemaker",
        "operation": "CreateEndpoint",
        "parameters": {
            "EndpointName": "traffic-signs-dry", "EndpointConfigName": "traffic-signs-dry", "Tags": []
        },
    }  # fmt: skip
    assert left(cloud) == before


def test_deployment_with_a_shadow_model_is_shown(cloud: Cloud) -> None:
    found = requests(
        cloud, "deploy", "--image", IMAGE, "--role", ROLE, "--model-data", MODEL, "--shadow-model", MODEL
    )  # fmt: skip
    assert operations(found) == ["CreateModel", "CreateModel", "CreateEndpointConfig", "CreateEndpoint"]
    assert found[2]["parameters"]["ShadowProductionVariants"]


def test_a_transform_job_is_shown_with_the_end_of_its_model(cloud: Cloud, test_set: Path) -> None:
    before = left(cloud)
    output = cloud.folder / "out"
    found = requests(
        cloud, "transform", test_set, "--image", IMAGE, "--role", ROLE, "--model-data", MODEL, "--output", output,
        "--bucket", "sagemaker-dry-run",
    )  # fmt: skip
    assert operations(found) == ["CreateBucket", "PutObject", "CreateModel", "CreateTransformJob", "DeleteModel"]
    assert left(cloud) == before
    assert not output.exists()


def test_a_deletion_is_shown_and_the_endpoint_stays(cloud: Cloud) -> None:
    with cloud.endpoint():
        before = left(cloud)
        assert parts(requests(cloud, "delete_endpoint", ENDPOINT)) == PARTS
        assert left(cloud) == before


@pytest.mark.parametrize(
    ("configuration", "expected"),
    [
        ({}, ["InvokeEndpoint"]),
        ({"AsyncInferenceConfig": {"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out"}}},
         ["PutObject", "InvokeEndpointAsync"]),
    ],
)  # fmt: skip
def test_requests_to_an_endpoint_are_shown(
    cloud: Cloud, test_set: Path, configuration: dict[str, Any], expected: list[str]
) -> None:
    image = cloud.folder / "one.ppm"
    image.write_text("P3 1 1 255 9 9 9")
    with cloud.endpoint(**configuration):
        before = left(cloud)
        found = requests(cloud, "invoke", "--endpoint", ENDPOINT, image, image)
        assert sorted(operations(found)) == sorted(expected * 2)
        assert {request["parameters"].get("Body", "<16 bytes>") for request in found} == {"<16 bytes>"}
        output = cloud.folder / "out"
        assert operations(requests(cloud, "evaluate", "--endpoint", ENDPOINT, test_set, "--output", output)) == expected
        assert not output.exists()
        assert left(cloud) == before


def test_a_container_has_no_dry_run(cloud: Cloud, test_set: Path) -> None:
    done = cloud.run("evaluate", test_set, "--output", cloud.folder / "out", "--dry-run")
    assert (done.returncode, done.stderr) == (
        2, "Error: --dry-run needs --endpoint: without it nothing is asked of AWS\n"
    )  # fmt: skip


def test_as_json_the_requests_are_one_document(cloud: Cloud) -> None:
    with cloud.endpoint():
        done = cloud.run("delete_endpoint", ENDPOINT, "--dry-run", "--json")
    document = json.loads(done.stdout)
    assert document["dry_run"] is True
    assert parts(document["requests"]) == PARTS
