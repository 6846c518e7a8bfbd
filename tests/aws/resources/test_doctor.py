"""The doctor asks AWS about a job or an endpoint, and names the cause from what it finds."""

import json
import time

import pytest
from moto.sagemaker.models import sagemaker_backends

from tests.aws.cloud import ACCOUNT, IMAGE, REGION, ROLE, Cloud, patch_created

GROUP = "/aws/sagemaker/TrainingJobs"


def write_log(cloud: Cloud, group: str, stream: str, lines: list[str]) -> None:
    cloud.logs.create_log_group(logGroupName=group)
    cloud.logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now + number, "message": line} for number, line in enumerate(lines)]
    cloud.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def fail_training_job(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str, reason: str) -> None:
    failed = {"training_job_status": "Failed", "secondary_status": "Failed", "failure_reason": reason}
    patch_created(monkeypatch, sagemaker_backends[ACCOUNT][REGION], "create_training_job", **failed)
    cloud.sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://bucket/out"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )


def test_the_reason_is_empty_and_the_log_has_the_cause(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_training_job(cloud, monkeypatch, "traffic-signs-bad", "AlgorithmError: , exit code: 1")
    lines = [*(f"epoch {number}" for number in range(700)), "MemoryError", *(f"bye {number}" for number in range(300))]
    write_log(cloud, GROUP, "traffic-signs-bad/algo-1-1", lines)
    done = cloud.run("doctor", "traffic-signs-bad")
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[:2] == [
        "cause     the memory is full, and the kernel ended a process",
        "evidence  log traffic-signs-bad/algo-1-1: MemoryError",
    ]


def test_without_a_log_the_failure_reason_is_diagnosed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_training_job(cloud, monkeypatch, "traffic-signs-bad", "CapacityError: Unable to provision requested capacity")
    done = cloud.run("doctor", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/traffic-signs-bad", "--json")
    assert json.loads(done.stdout)["diagnosis"]["id"] == "no-capacity"


def test_an_endpoint_without_a_log_is_diagnosed_as_such(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {"endpoint_status": "Failed", "failure_reason": "did not pass the ping health check"}
    patch_created(monkeypatch, sagemaker_backends[ACCOUNT][REGION], "create_endpoint", **failed)
    with cloud.endpoint():
        done = cloud.run("doctor", "traffic-signs-later", "--json")
        assert json.loads(done.stdout)["diagnosis"]["id"] == "ping-no-log"
    assert done.returncode == 1


def test_a_healthy_endpoint_is_healthy(cloud: Cloud) -> None:
    with cloud.endpoint():
        done = cloud.run("doctor", "traffic-signs-later")
    assert (done.returncode, done.stdout) == (0, "traffic-signs-later: InService, nothing has failed\n")


def test_an_unknown_name_is_an_error_of_one_line(cloud: Cloud) -> None:
    done = cloud.run("doctor", "nothing")
    assert done.returncode == 2
    assert done.stderr.startswith(f"Error: {REGION} has no training-job, endpoint, transform-job,")
    assert done.stderr.count("\n") == 1
