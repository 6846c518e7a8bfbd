"""Ctrl-C ends a command with 130 and one line, which says what exists and how to remove it."""

from pathlib import Path
from typing import Any

import pytest

from tests.aws.cloud import BUCKET, ENDPOINT, IMAGE, MODEL, ROLE, Cloud, deploy_options

NOTHING = "Error: interrupted; nothing was created or changed\n"
UPLOADED = (
    f"Error: interrupted; what was uploaded is at s3://{BUCKET}/traffic-signs/inputs/;"
    f" remove it: aws s3 rm --recursive s3://{BUCKET}/traffic-signs/inputs/\n"
)
REST = f"Error: interrupted; what is left of {ENDPOINT} may bill: run this command again\n"


@pytest.mark.parametrize(
    ("module", "operation", "line"),
    [
        ("deploy", "GetCallerIdentity", NOTHING),
        ("deploy", "DescribeEndpoint", NOTHING),
        ("train", "GetCallerIdentity", NOTHING),
        ("train", "HeadBucket", UPLOADED),
        ("train", "ListObjectsV2", UPLOADED),
        ("delete_endpoint", "GetCallerIdentity", NOTHING),
        ("delete_endpoint", "DeleteEndpoint", REST),
        ("delete_endpoint", "DeleteModel", REST),
        ("invoke", "DescribeEndpoint", NOTHING),
    ],
)
def test_ctrl_c_says_what_exists(cloud: Cloud, module: str, operation: str, line: str) -> None:
    cloud.s3.create_bucket(Bucket=BUCKET)  # in one that the command makes it need not look for the data
    image = cloud.folder / "one.ppm"
    image.write_text("P3 1 1 255 9 9 9")
    arguments: dict[str, tuple[Any, ...]] = {
        "deploy": deploy_options("traffic-signs-hasty"),
        "train": (*cloud.job, "--yes"),
        "delete_endpoint": (ENDPOINT,),
        "invoke": ("--endpoint", ENDPOINT, image),
    }
    assert cloud.interrupt(operation, module, *arguments[module]) == (130, line)


def test_ctrl_c_while_requests_are_queued_says_where_they_are(cloud: Cloud) -> None:
    image = cloud.folder / "one.ppm"
    image.write_text("P3 1 1 255 9 9 9")
    with cloud.endpoint(AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out"}}):
        code, line = cloud.interrupt("InvokeEndpointAsync", "invoke", "--endpoint", ENDPOINT, image)
    folder = f"s3://{BUCKET}/traffic-signs/async/"
    left = f"requests may be in the queue of {ENDPOINT}, and at {folder}; remove them: aws s3 rm --recursive {folder}"
    assert (code, line) == (130, f"Error: interrupted; {left}\n")


def test_ctrl_c_before_a_transform_job_names_its_model_and_files(cloud: Cloud, test_set: Path) -> None:
    arguments = ("--image", IMAGE, "--role", ROLE, "--model-data", MODEL, "--output", cloud.folder / "out", "--yes")
    code, line = cloud.interrupt("CreateModel", "transform", test_set, *arguments)
    name = dict(cloud.calls())["sagemaker:CreateModel"]["ModelName"]
    assert (code, line.count("\n")) == (130, 1)
    assert f"aws sagemaker delete-model --model-name {name}; aws s3 rm --recursive s3://{BUCKET}/traffic" in line
