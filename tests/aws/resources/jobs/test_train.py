"""Training jobs: AWS calls, and how the jobs end."""

import json

import pytest
from moto.core.exceptions import JsonRESTError
from moto.sagemaker.models import sagemaker_backends

from tests.aws.cloud import ACCOUNT, BUCKET, IMAGE, REGION, ROOT, Cloud, patch_created


def test_the_training_job_is_created_as_given(cloud: Cloud) -> None:
    file = cloud.folder / "hyperparameters.json"
    file.write_text('{"epochs": 3, "learning_rate": 0.1}')
    done = cloud.train(
        "--spot", "--max-hours", 0.5, "--network-isolation", "--tag", "team=signs", "--instance-count", 2,
        "--hyperparameters", file, "-p", "epochs=7", "--yes",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 x ml.g4dn.xlarge as spot, for at most 0.5 h" in done.stdout
    job = json.loads((cloud.folder / "job.json").read_text())
    sent = cloud.sagemaker.describe_training_job(TrainingJobName=job["name"])
    assert sent["AlgorithmSpecification"]["TrainingImage"] == IMAGE
    # moto describes the job with fixed metrics
    asked = dict(cloud.calls())["sagemaker:CreateTrainingJob"]["AlgorithmSpecification"]["MetricDefinitions"]
    assert asked == json.loads((ROOT / "scripts" / "resources" / "metric_definitions.json").read_text())
    assert sent["HyperParameters"] == {"epochs": "7", "learning_rate": "0.1"}
    assert sent["ResourceConfig"] == {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 30}
    assert sent["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800, "MaxWaitTimeInSeconds": 3600}
    assert sent["EnableManagedSpotTraining"]
    assert sent["EnableNetworkIsolation"]
    assert sent["CheckpointConfig"]["S3Uri"] == f"s3://{BUCKET}/traffic-signs/jobs/{job['name']}/checkpoints"
    assert cloud.sagemaker.list_tags(ResourceArn=sent["TrainingJobArn"])["Tags"] == [{"Key": "team", "Value": "signs"}]
    assert job["artifact"] == sent["ModelArtifacts"]["S3ModelArtifacts"]
    uri = sent["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
    assert dict(cloud.calls())["s3:HeadBucket"] == {"Bucket": BUCKET, "ExpectedBucketOwner": ACCOUNT}
    key = uri.removeprefix(f"s3://{BUCKET}/") + "train.npz"
    assert cloud.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == b"arrays"

    cloud.record.unlink()
    again = cloud.train(YES="1")
    assert again.returncode == 0, again.stderr
    assert "unchanged: " in again.stdout
    assert "s3:PutObject" not in dict(cloud.calls())


def test_failed_job_says_why(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {"training_job_status": "Failed", "failure_reason": "AlgorithmError: no images"}
    patch_created(monkeypatch, sagemaker_backends[ACCOUNT][REGION], "create_training_job", **failed)
    done = cloud.train("--yes")
    assert done.returncode == 1
    assert "AlgorithmError: no images" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_finished_job_is_named_though_its_file_cannot_be_written(cloud: Cloud) -> None:
    done = cloud.train("--yes", "--output", "/dev/null/jobs/job.json")
    assert done.returncode == 1
    name = dict(cloud.calls())["sagemaker:CreateTrainingJob"]["TrainingJobName"]
    assert "training job" in done.stdout
    assert "Traceback" not in done.stderr
    assert f"cannot write /dev/null/jobs/job.json: Not a directory; {name} is Completed" in done.stderr


def test_an_interrupted_command_says_that_the_job_runs_on(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    backend = sagemaker_backends[ACCOUNT][REGION]
    patch_created(monkeypatch, backend, "create_training_job", training_job_status="InProgress")
    code, error = cloud.interrupt("DescribeTrainingJob", "train", *cloud.job, "--yes")
    name = dict(cloud.calls())["sagemaker:CreateTrainingJob"]["TrainingJobName"]
    assert code == 130, error
    assert error.endswith(f"Error: interrupted; {still_running_message(name)}")


def test_ctrl_c_while_a_job_is_created_is_not_dropped_by_the_sdk(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decorator around Estimator.fit drops KeyboardInterrupt."""
    backend = sagemaker_backends[ACCOUNT][REGION]
    patch_created(monkeypatch, backend, "create_training_job", training_job_status="InProgress")
    code, error = cloud.interrupt("CreateTrainingJob", "train", *cloud.job, "--yes")
    calls = dict(cloud.calls())
    name = calls["sagemaker:CreateTrainingJob"]["TrainingJobName"]
    assert code == 130, error
    assert error.endswith(f"Error: interrupted; if it has started, {still_running_message(name)}")
    assert "sagemaker:DescribeTrainingJob" not in calls


def still_running_message(name: str) -> str:
    return (
        f"{name} keeps running and billing, 1 x ml.g4dn.xlarge for at most 1 h; "
        f"stop it: aws sagemaker stop-training-job --training-job-name {name}; "
        f"or deploy its model later: python -m scripts.deploy --job {name}\n"
    )


def test_a_login_that_expires_says_that_the_job_runs_and_bills(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise JsonRESTError("ExpiredTokenException", "The security token included in the request is expired")

    monkeypatch.setattr(sagemaker_backends[ACCOUNT][REGION], "describe_training_job", refuse)
    done = cloud.train("--yes")
    assert done.returncode == 1
    name = dict(cloud.calls())["sagemaker:CreateTrainingJob"]["TrainingJobName"]
    assert done.stderr.splitlines()[-1].startswith("Error: the AWS login has expired; log in again")
    assert done.stderr.endswith(still_running_message(name))


@pytest.mark.parametrize(
    ("options", "environment", "words"),
    [
        ((), {}, "--yes"),
        (("--yes", "-p", "epochs"), {}, "'epochs' is not KEY=VALUE"),
        (("--yes",), {"AWS_DEFAULT_REGION": ""}, "AWS_DEFAULT_REGION"),
        (("--yes",), {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "no AWS credentials"),
        (("--yes",), {"AWS_PROFILE": "nobody"}, "nobody"),
        (("--yes",), {"AWS_DEFAULT_REGION": "eu-west-1"}, f"is in {REGION}, the region in use is eu-west-1;"),
    ],
)
def test_what_cannot_be_started_is_refused_in_one_line_and_makes_no_job(
    cloud: Cloud, options: tuple[str, ...], environment: dict[str, str], words: str
) -> None:
    done = cloud.train(*options, **environment)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "sagemaker:CreateTrainingJob" not in dict(cloud.calls())
