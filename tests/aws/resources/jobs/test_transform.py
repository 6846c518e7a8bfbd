"""Transform jobs: in SageMaker's local mode with a real container, and with moto as AWS."""

import json
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from moto.core.exceptions import JsonRESTError
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import SageMakerModelBackend, sagemaker_backends

from tests.aws.account.test_iam import denied
from tests.aws.cloud import BUCKET, IMAGE, MODEL, REGION, ROLE, ROOT, Cloud, patch_created
from tests.aws.local_mode.sdk import run
from tests.conftest import IMAGE as LOCAL_IMAGE
from tests.support.helpers import Job, Server, free_port, serving


@pytest.fixture
def test_set(prepared: Path, tmp_path: Path) -> Path:
    """602 images in random order, which make two files whose answers must keep their order."""
    with np.load(prepared / "validation" / "validation.npz") as archive:
        images, labels, names = archive["images"], archive["labels"], archive["names"]
    order = np.random.default_rng(1).permutation(np.tile(np.arange(len(labels)), 7))
    np.savez(tmp_path / "test.npz", images=images[order], labels=labels[order], names=names)
    return tmp_path / "test.npz"


def by_endpoint(server: Server, test_set: Path, output: Path) -> Any:
    words = [sys.executable, "-m", "scripts.evaluate", test_set, "--url", server.url, "--output", output]
    subprocess.run([str(word) for word in words], cwd=ROOT, check=True, capture_output=True, timeout=180)
    return evaluation(output)


def evaluation(folder: Path) -> Any:
    assert (folder / "accuracy-per-class.png").stat().st_size > 10_000
    return json.loads((folder / "evaluation.json").read_text())


@pytest.mark.engine
@pytest.mark.parametrize("image", ["container"], indirect=True)
@pytest.mark.usefixtures("clean_local_mode")
def test_local_mode_finds_what_the_endpoint_finds(job: Job, test_set: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar.gz", "w:gz") as packed:
        packed.add(job.base / "model", ".")
    done = run(
        "v2", "scripts.transform_local", test_set, "--model-data", tmp_path / "model.tar.gz",
        "--output", tmp_path / "transform", "--port", free_port(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    with serving(job.base, tmp_path / "log", LOCAL_IMAGE) as server:
        expected = by_endpoint(server, test_set, tmp_path / "endpoint")
    assert expected["images"] == 602
    assert evaluation(tmp_path / "transform") == expected


def command(cloud: Cloud, test_set: Path, *options: Any) -> tuple[Any, ...]:
    fixed = ("--image", IMAGE, "--role", ROLE, "--model-data", MODEL, "--output", cloud.folder / "out")
    return ("transform", test_set, *fixed, *options)


@pytest.fixture
def backend() -> SageMakerModelBackend:
    found: SageMakerModelBackend = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION]
    return found


@pytest.mark.parametrize("image", ["bare"], indirect=True)
@pytest.mark.parametrize("below_prefix", [False, True])
def test_the_job_is_created_as_given_and_its_answers_are_evaluated(
    cloud: Cloud, server: Server, backend: SageMakerModelBackend, test_set: Path, monkeypatch: pytest.MonkeyPatch,
    *, below_prefix: bool,
) -> None:  # fmt: skip
    create = backend.create_transform_job

    def predict(**parameters: Any) -> Any:
        """The job's predictions, which moto does not make, by a real server."""
        source, target = parameters["transform_input"], parameters["transform_output"]
        prefix = source["DataSource"]["S3DataSource"]["S3Uri"].removeprefix(f"s3://{BUCKET}/")
        output = target["S3OutputPath"].removeprefix(f"s3://{BUCKET}/")
        for item in cloud.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]:
            body = cloud.s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
            answer = server.post(body, source["ContentType"], Accept=target["Accept"])
            assert max(len(body), len(answer.content)) < 6 * 1024 * 1024
            name = item["Key"] if below_prefix else item["Key"].removeprefix(prefix)
            cloud.s3.put_object(Bucket=BUCKET, Key=f"{output}/{name}.out", Body=answer.content)
        return create(**parameters)

    monkeypatch.setattr(backend, "create_transform_job", predict)
    done = cloud.run(*command(cloud, test_set, "--instance-type", "ml.m5.large", "--instance-count", 2, "--yes"))
    assert done.returncode == 0, done.stderr
    assert "2 x ml.m5.large, until all images are answered" in done.stdout
    assert evaluation(cloud.folder / "out") == by_endpoint(server, test_set, cloud.folder / "endpoint")

    calls = dict(cloud.calls())
    sent = calls["sagemaker:CreateTransformJob"]
    name = sent["TransformJobName"]
    assert name.startswith("traffic-signs-")
    assert sent["TransformResources"] == {"InstanceType": "ml.m5.large", "InstanceCount": 2}
    assert sent["TransformInput"]["ContentType"] == "application/x-npy"
    assert "SplitType" not in sent["TransformInput"]  # None is AWS's default
    assert sent["TransformOutput"]["S3OutputPath"] == f"s3://{BUCKET}/traffic-signs/transforms/{name}"
    assert calls["sagemaker:CreateModel"]["ExecutionRoleArn"] == ROLE
    assert calls["sagemaker:CreateModel"]["PrimaryContainer"]["ModelDataUrl"] == MODEL
    assert calls["sagemaker:DeleteModel"] == {"ModelName": name}
    assert name not in [model["ModelName"] for model in cloud.sagemaker.list_models()["Models"]]
    assert not denied(cloud.calls())

    cloud.record.unlink()
    again = cloud.run(*command(cloud, test_set), YES="1")
    assert again.returncode == 0, again.stderr
    assert "unchanged: " in again.stdout
    assert "s3:PutObject" not in dict(cloud.calls())


def test_a_gpu_has_the_newest_driver_that_there_is(cloud: Cloud, test_set: Path) -> None:
    cloud.run(*command(cloud, test_set, "--instance-type", "ml.g4dn.xlarge", "--yes"))
    assert dict(cloud.calls())["sagemaker:CreateTransformJob"]["TransformResources"] == {
        "InstanceType": "ml.g4dn.xlarge",
        "InstanceCount": 1,
        "TransformAmiVersion": "al2-ami-sagemaker-batch-gpu-535",
    }


def test_a_folder_is_refused_before_anything_is_uploaded(cloud: Cloud, test_set: Path) -> None:
    done = cloud.run(*command(cloud, test_set, "--model-data", "s3://bucket/folder/", "--yes"))
    assert done.returncode == 2
    assert "s3://bucket/folder/ is a folder, and a transform job takes none: give a model.tar.gz" in done.stderr
    assert not [name for name, _ in cloud.calls() if ":Create" in name or ":Put" in name]


def test_failed_job_shows_log_and_cause(
    cloud: Cloud, backend: SageMakerModelBackend, test_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    create, group = backend.create_transform_job, "/aws/sagemaker/TransformJobs"

    def fail(**parameters: Any) -> Any:
        job: Any = create(**parameters)
        job.transform_job_status, job.failure_reason = "Failed", "AlgorithmError: see job logs"
        cloud.logs.create_log_group(logGroupName=group)
        for stream, message in (("i-1", "MemoryError"), ("i-1/data-log", "413 from the algorithm")):
            name = f"{job.transform_job_name}/{stream}"
            cloud.logs.create_log_stream(logGroupName=group, logStreamName=name)
            event = {"timestamp": int(time.time() * 1000), "message": message}
            cloud.logs.put_log_events(logGroupName=group, logStreamName=name, logEvents=[event])
        return job

    monkeypatch.setattr(backend, "create_transform_job", fail)
    done = cloud.run(*command(cloud, test_set, "--yes"))
    assert done.returncode == 1
    for words in ("ended as Failed: AlgorithmError", "| MemoryError", "| 413 from", "likely cause: the memory is full"):
        assert words in done.stderr
    assert "sagemaker:DeleteModel" in dict(cloud.calls())


@pytest.mark.parametrize("operation", ["CreateTransformJob", "DescribeTransformJob"])
def test_interrupted_command_says_that_the_job_bills(
    cloud: Cloud, backend: SageMakerModelBackend, test_set: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:  # fmt: skip
    patch_created(monkeypatch, backend, "create_transform_job", transform_job_status="InProgress")
    code, words = cloud.interrupt(operation, *command(cloud, test_set, "--yes"))
    assert code == 130, words
    name = dict(cloud.calls())["sagemaker:CreateTransformJob"]["TransformJobName"]
    maybe = "if it has started, " if operation == "CreateTransformJob" else ""
    bills = f"{name} keeps running and billing, 1 x ml.m5.large until all is answered; stop it: aws sagemaker stop-"
    assert words.startswith(f"Error: interrupted; {maybe}{bills}")
    assert "sagemaker:DeleteModel" not in dict(cloud.calls())


def test_a_login_that_expires_says_that_the_job_runs_and_bills(
    cloud: Cloud, backend: SageMakerModelBackend, test_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    def refuse(**_: Any) -> None:
        raise JsonRESTError("ExpiredTokenException", "The security token included in the request is expired")

    monkeypatch.setattr(backend, "describe_transform_job", refuse)
    done = cloud.run(*command(cloud, test_set, "--yes"))
    assert done.returncode == 1
    name = dict(cloud.calls())["sagemaker:CreateTransformJob"]["TransformJobName"]
    assert (
        f"the AWS login has expired; log in again, for example with `aws sso login`; {name} keeps running and billing,"
        in done.stderr
    )


def test_nothing_starts_without_confirmation(cloud: Cloud, test_set: Path) -> None:
    done = cloud.run(*command(cloud, test_set))
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    # the second for the image's processor, which the registry knows
    assert {name for name, _ in cloud.calls()} == {"sts:GetCallerIdentity", "ecr:GetAuthorizationToken"}
