"""The doctor asks AWS about a job or an endpoint, and names the cause from what it finds."""

import json
import time

import pytest
from moto.sagemaker.models import sagemaker_backends

from tests.aws.account.test_iam import denied
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


DOCKER, OCI = "application/vnd.docker.distribution.manifest.v2+json", "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@pytest.mark.parametrize(("kind", "layer"), [(OCI, LAYER), (DOCKER, LAYER), (DOCKER.replace("v2", "list.v2"), None)])
def test_a_manifest_that_sagemaker_refuses_is_found_in_the_registry(
    kind: str, layer: str | None, cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_training_job(cloud, monkeypatch, "traffic-signs-bad", "ClientError: the image could not be used")
    ecr = cloud.client("ecr")
    ecr.create_repository(repositoryName="traffic-signs")
    content = {"schemaVersion": 2, "mediaType": kind}
    digest = "sha256:" + "0" * 64
    if layer:
        content |= {
            "config": {"digest": digest, "size": 1},
            "layers": [{"digest": digest, "size": 1, "mediaType": layer}],
        }
    else:
        content |= {"manifests": []}
    ecr.put_image(
        repositoryName="traffic-signs", imageTag="abc", imageManifest=json.dumps(content), imageManifestMediaType=kind
    )
    done = cloud.run("doctor", "traffic-signs-bad")
    ecr.delete_repository(repositoryName="traffic-signs", force=True)
    assert done.stdout.splitlines()[:2] == [
        "cause     the registry holds an OCI manifest or an index, which SageMaker refuses",
        f"evidence  registry: image manifest: {kind if 'oci' in kind or not layer else layer}",
    ]
    assert not denied(cloud.calls())
