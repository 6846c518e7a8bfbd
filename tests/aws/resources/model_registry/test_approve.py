"""From a version that waits for approval to an endpoint, and back along the tags."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from scripts import approve, deploy
from scripts.aws.processors import ARM, PUSHED
from scripts.resources.model_source import TrainedModel, on_instances
from tests.aws.account.test_iam import denied
from tests.aws.cloud import ROLE, Cloud
from tests.aws.resources.model_registry.trained import IMAGE, JOB, push_image, train
from tests.support.helpers import Job

FINGERPRINT = "5" * 64


def register(cloud: Cloud, group: str, accuracy: float, status: str = "PendingManualApproval", **metadata: str) -> str:
    """Register a version without the command, in milliseconds; return its ARN."""
    groups = cloud.sagemaker.list_model_package_groups(NameContains=group)["ModelPackageGroupSummaryList"]
    if not groups:
        cloud.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    properties = {"execution-role": ROLE, "metric.validation_accuracy": f"{accuracy:g}", **metadata}
    created = cloud.sagemaker.create_model_package(
        ModelPackageGroupName=group,
        InferenceSpecification={
            "Containers": [
                {"Image": f"{IMAGE.partition(':')[0]}@sha256:{'1' * 64}", "ModelDataUrl": "s3://b/model.tar.gz"}
            ],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.c5.large"],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
        ModelApprovalStatus=status,
        CustomerMetadataProperties=properties,
    )
    return str(created["ModelPackageArn"])


def status(cloud: Cloud, arn: str) -> tuple[str, str]:
    found = cloud.sagemaker.describe_model_package(ModelPackageName=arn)
    return found["ModelApprovalStatus"], found.get("ApprovalDescription", "")


def tags(cloud: Cloud, arn: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in cloud.sagemaker.list_tags(ResourceArn=arn)["Tags"]}


def test_from_an_endpoint_the_tags_lead_to_version_job_and_data(cloud: Cloud, small_job: Job) -> None:
    name, group = "traffic-signs-traced", "traffic-signs-traced"
    digest, model_data = push_image(cloud), train(cloud, small_job, f"{JOB}-traced")
    registered = cloud.run("register", "--group", group, "--job", f"{JOB}-traced")
    assert registered.returncode == 0, registered.stderr
    approved = cloud.run("approve", group, "--reason", "good on class 14", "--yes")
    assert approved.returncode == 0, approved.stderr
    assert approved.stdout.endswith(f"{group}/1 is Approved\nnext step: python -m scripts.deploy --approved {group}\n")
    deployed = cloud.run("deploy", "--approved", group, "--endpoint-name", name, "--tag", "team=signs", "--yes")
    assert deployed.returncode == 0, deployed.stderr
    assert not denied(cloud.calls())

    endpoint = cloud.sagemaker.describe_endpoint(EndpointName=name)
    found = tags(cloud, endpoint["EndpointArn"])
    assert found.pop("team") == "signs"
    version = cloud.sagemaker.describe_model_package(ModelPackageName=found["model-package"])
    assert status(cloud, found["model-package"]) == ("Approved", "good on class 14")
    job = cloud.sagemaker.describe_training_job(TrainingJobName=found["training-job"])
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == model_data
    assert tags(cloud, job["TrainingJobArn"]) == found
    artifact = json.loads((small_job.base / "model" / "artifact.json").read_text())
    assert found["data-fingerprint"] == artifact["data_fingerprint"]
    assert version["CustomerMetadataProperties"]["data-fingerprint"] == artifact["data_fingerprint"]
    for resource in ("endpoint_config", "model"):
        described = getattr(cloud.sagemaker, f"describe_{resource}")
        key = "EndpointConfigName" if resource == "endpoint_config" else "ModelName"
        arn = described(**{key: name})[key.replace("Name", "Arn")]
        assert tags(cloud, arn) == {**found, "team": "signs"}
    container = cloud.sagemaker.describe_model(ModelName=name)["PrimaryContainer"]
    assert container["Image"] == f"{IMAGE.partition(':')[0]}@{digest}"
    assert container["ModelDataUrl"] == model_data


def test_a_rejected_version_is_deployed_no_more_and_the_one_before_is(cloud: Cloud) -> None:
    group = "traffic-signs-two"
    first, second = (register(cloud, group, accuracy) for accuracy in (0.91, 0.95))
    for number in (1, 2):
        assert cloud.run("approve", f"{group}/{number}", "--yes").returncode == 0
    done = cloud.run("approve", group, "--reject", "--reason", "saw the test set", "--yes")
    assert done.returncode == 0, done.stderr
    assert f"{group}/2: Approved\n" in done.stdout
    assert "validation_accuracy  0.95\n" in done.stdout  # it is the approved one itself, so there is none beside it
    assert done.stdout.endswith(f"{group}/2 is Rejected\n")
    assert status(cloud, second) == ("Rejected", "saw the test set")
    assert status(cloud, first)[0] == "Approved"
    metadata = cloud.sagemaker.describe_model_package(ModelPackageName=second)["CustomerMetadataProperties"]
    assert metadata["metric.validation_accuracy"] == "0.95"

    deployed = cloud.run("deploy", "--approved", group, "--endpoint-name", "traffic-signs-first", "--yes")
    assert deployed.returncode == 0, deployed.stderr
    assert f"approved: {first}\n" in deployed.stderr
    arn = cloud.sagemaker.describe_endpoint(EndpointName="traffic-signs-first")["EndpointArn"]
    assert tags(cloud, arn) == {"model-package": first}


def test_who_approves_sees_the_figures_beside_those_of_the_approved_version(cloud: Cloud) -> None:
    group = "traffic-signs-compared"
    for accuracy in (0.91, 0.95):
        register(cloud, group, accuracy, **{"data-fingerprint": FINGERPRINT})
    assert cloud.run("approve", f"{group}/1", "--yes").returncode == 0
    done = cloud.run("approve", group)
    assert done.returncode == 2
    assert f"data-fingerprint  {FINGERPRINT}\n" in done.stdout
    assert f"validation_accuracy  0.95  ({group}/1, approved: 0.91)\n" in done.stdout
    assert done.stderr == "Error: cannot ask for confirmation without a terminal: pass --yes or set YES=1\n"
    answer = json.loads(cloud.run("approve", group, "--json", YES="1").stdout)
    assert (answer["number"], answer["status"], answer["metrics"]) == (2, "Approved", {"validation_accuracy": 0.95})


def test_only_approved_versions_are_deployed_and_only_on_their_instances(cloud: Cloud) -> None:
    group = "traffic-signs-waiting"
    arn = register(cloud, group, 0.9)
    deployment = ("deploy", "--approved", group, "--endpoint-name", "traffic-signs-waiting", "--yes")
    done = cloud.run(*deployment)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"{group} has no approved version" in done.stderr
    assert cloud.run("approve", group, "--yes").returncode == 0
    done = cloud.run(*deployment, "--instance-type", "ml.m5.large")
    assert done.returncode == 2
    assert f"{arn} is registered for ml.c5.large, not for ml.m5.large: choose one of them" in done.stderr
    assert "sagemaker:CreateModel" not in dict(cloud.calls())


def test_a_transform_job_measures_an_approved_version(cloud: Cloud) -> None:
    group, test_set = "traffic-signs-measured", cloud.folder / "test.npz"
    register(cloud, group, 0.9)
    assert cloud.run("approve", group, "--yes").returncode == 0
    np.savez(test_set, images=np.zeros((2, 32, 32, 1), np.uint8), labels=np.zeros(2, int), names=np.array(["a", "b"]))
    # moto's job writes no answers, so the command ends there
    done = cloud.run("transform", test_set, "--approved", group, "--output", cloud.folder / "out", "--yes")
    assert "the job wrote no answer" in done.stderr
    model = dict(cloud.calls())["sagemaker:CreateModel"]
    assert model["ExecutionRoleArn"] == ROLE
    assert model["PrimaryContainer"]["ModelDataUrl"] == "s3://b/model.tar.gz"
    assert model["PrimaryContainer"]["Image"].endswith(f"@sha256:{'1' * 64}")


def test_an_approved_version_keeps_its_image_on_graviton(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pushed = PUSHED[ARM]
    pushed.parent.mkdir()
    pushed.write_text("pushed-for-arm\n")
    trained = TrainedModel("image", ROLE, "s3://b/model.tar.gz")
    approved = replace(trained, tags={"model-package": "arn"})
    assert on_instances(trained, "ml.c7g.large").image == "pushed-for-arm"
    assert on_instances(approved, "ml.c7g.large").image == "image"


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        (approve.main, ["a/b/c"], "a/b/c is not GROUP or GROUP/VERSION"),
        (approve.main, ["a/0"], "a/0 is not GROUP or GROUP/VERSION"),
        (approve.main, ["a", "--reject"], "--reject needs --reason"),
        (approve.main, ["a", "--reason", "x" * 1025], "--reason has 1025 characters; AWS keeps 1024"),
        (
            deploy.main,
            ["--approved", "a", "--multi-model", "s3://b/c/"],
            "--multi-model and --approved exclude each other",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_at_once(command: Any, options: list[str], words: str) -> None:
    done = CliRunner().invoke(command, options)
    assert done.exit_code == 2
    assert words in done.output


def test_a_version_that_does_not_exist_is_told_in_one_line(cloud: Cloud) -> None:
    register(cloud, "traffic-signs-single", 0.9)
    for name in ("traffic-signs-single/7", "traffic-signs-none"):
        done = cloud.run("approve", name, "--yes")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert f"the registry has no {name}" in done.stderr


def test_approved_and_another_model_exclude_each_other(cloud: Cloud) -> None:
    done = cloud.run("deploy", "--approved", "traffic-signs", "--job", "x", "--yes")
    assert done.returncode == 2
    assert "--approved names image and model: omit --job, --model-data and --image" in done.stderr
