"""Options of training jobs that few need, and data preparation as a processing job."""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from moto.sagemaker.models import sagemaker_backends

from local_test.platform.engine import DOCKER
from scripts import train
from scripts.resources.jobs import processing
from tests import conftest
from tests.aws.account.test_iam import denied
from tests.aws.cloud import ACCOUNT, BUCKET, IMAGE, REGION, ROLE, Cloud, patch_created
from tests.aws.options.test_json import FIELDS

SERVER = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:mlflow-tracking-server/signs"
RAW = f"s3://{BUCKET}/traffic-signs/raw/GTSRB.zip"


def test_a_warm_pool_retries_a_shell_and_mlflow_are_what_the_job_asks_for(cloud: Cloud) -> None:
    done = cloud.train(
        "--keep-alive",
        600,
        "--retries",
        2,
        "--remote-debug",
        "--mlflow",
        SERVER,
        "--mlflow-experiment",
        "signs",
        "--yes",
    )
    assert done.returncode == 0, done.stderr
    job = dict(cloud.calls())["sagemaker:CreateTrainingJob"]
    assert job["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600
    assert job["RetryStrategy"] == {"MaximumRetryAttempts": 2}
    assert job["RemoteDebugConfig"] == {"EnableRemoteDebug": True}
    assert job["MlflowConfig"] == {"MlflowResourceArn": SERVER, "MlflowExperimentName": "signs"}
    assert "1 x ml.g4dn.xlarge, kept for 600 s after the job, for at most 1 h" in done.stdout
    assert f"update-training-job --training-job-name {job['TrainingJobName']} --resource-config" in done.stdout


def test_a_job_takes_another_instance_type_where_aws_has_none_of_the_first(cloud: Cloud) -> None:
    cloud.train("--instance-type", "ml.c5.xlarge", "--fallback-type", "ml.m5.xlarge", "--instance-count", 2, "--yes")
    resources = dict(cloud.calls())["sagemaker:CreateTrainingJob"]["ResourceConfig"]
    assert resources["InstancePreferences"] == [{"InstanceType": "ml.c5.xlarge"}, {"InstanceType": "ml.m5.xlarge"}]
    assert resources["InstanceCount"] == 2
    assert "InstanceType" not in resources


def test_a_job_that_asks_for_none_of_them_has_none(cloud: Cloud) -> None:
    assert cloud.train("--yes").returncode == 0
    job = dict(cloud.calls())["sagemaker:CreateTrainingJob"]
    assert not {"RetryStrategy", "RemoteDebugConfig", "MlflowConfig"} & job.keys()
    assert "KeepAlivePeriodInSeconds" not in job["ResourceConfig"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fallback-type", "ml.m5.large", "--spot"], "--fallback-type and --spot exclude each other"),
        (["--fallback-type", "ml.m5.large"] * 2, "--fallback-type: expected at most 4 different types"),
        (["--keep-alive", "60", "--spot"], "--keep-alive and --spot exclude each other"),
        (["--keep-alive", "21601"], "21601 is not in the range 1<=x<=21600"),
        (["--retries", "31"], "31 is not in the range 1<=x<=30"),
        (["--mlflow-experiment", "signs"], "--mlflow-experiment needs --mlflow"),
    ],
)
def test_what_a_job_cannot_have_is_refused_before_aws_is_asked(options: list[str], words: str) -> None:
    done = CliRunner().invoke(train.main, ["--image", IMAGE, "--role", ROLE, "--training", "s3://b/c", *options])
    assert done.exit_code == 2
    assert words in done.output


def test_a_processing_job_on_graviton_is_refused(cloud: Cloud) -> None:
    done = cloud.run("prepare", RAW, "--image", IMAGE, "--role", ROLE, "--instance-type", "ml.c7g.large", "--yes")
    assert done.returncode == 2
    assert "Graviton instances run endpoints only" in done.stderr


def test_data_in_s3_is_prepared_there_and_trained_on_without_a_way_through_here(cloud: Cloud) -> None:
    done = cloud.run("prepare", RAW, "--image", IMAGE, "--role", ROLE, "--json", "--yes")
    assert done.returncode == 0, done.stderr
    assert not denied(cloud.calls())
    assert "this costs money: 1 x ml.m5.xlarge, for at most 1 h" in done.stderr
    found = json.loads(done.stdout)
    assert set(found) == FIELDS["prepare"]
    job = dict(cloud.calls())["sagemaker:CreateProcessingJob"]
    assert job["ProcessingInputs"][0]["S3Input"]["S3Uri"] == RAW
    output = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]
    assert found["training"] == f"{output['S3Uri']}/training"
    assert job["AppSpecification"] == {
        "ImageUri": IMAGE,
        "ContainerEntrypoint": [
            "python", "-m", "traffic_signs.data", "/opt/ml/processing/input/source/GTSRB.zip",
            "--output", output["LocalPath"], "--split", "track",
        ],
    }  # fmt: skip

    channels = ("--training", found["training"], "--validation", found["validation"])
    trained = cloud.run(
        "train", "--image", IMAGE, "--role", ROLE, *channels, "--output", cloud.folder / "job.json", "--yes"
    )
    assert trained.returncode == 0, trained.stderr
    calls = dict(cloud.calls())
    assert "s3:PutObject" not in calls
    sources = [
        one["DataSource"]["S3DataSource"]["S3Uri"] for one in calls["sagemaker:CreateTrainingJob"]["InputDataConfig"]
    ]
    assert sorted(sources) == [found["training"], found["validation"]]


def test_a_failed_processing_job_says_why(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {"processing_job_status": "Failed", "failure_reason": "AlgorithmError: no images"}
    patch_created(monkeypatch, sagemaker_backends[ACCOUNT][REGION], "create_processing_job", **failed)
    done = cloud.run("prepare", "s3://bucket/signs/", "--image", IMAGE, "--role", ROLE, "--yes")
    assert done.returncode == 1
    assert "ended as Failed: AlgorithmError: no images; its log: /aws/sagemaker/ProcessingJobs" in done.stderr
    job = dict(cloud.calls())["sagemaker:CreateProcessingJob"]
    assert job["AppSpecification"]["ContainerEntrypoint"][3] == "/opt/ml/processing/input/source"


def test_after_ctrl_c_the_job_that_bills_is_named(cloud: Cloud) -> None:
    code, error = cloud.interrupt("CreateProcessingJob", "prepare", RAW, "--image", IMAGE, "--role", ROLE, "--yes")
    assert code == 130
    name = dict(cloud.calls())["sagemaker:CreateProcessingJob"]["ProcessingJobName"]
    stop = f"aws sagemaker stop-processing-job --processing-job-name {name}"
    assert error.endswith(f"{name} may run and bill; stop it: {stop}\n")


@pytest.mark.engine
def test_the_image_converts_the_data_where_a_processing_job_puts_it(drawn: Path, tmp_path: Path) -> None:
    plan = processing.Plan("name", "s3://bucket/signs/", "s3://bucket/out", "", "", "track", "ml.m5.large", 30, 60)
    program, *arguments = plan.command
    volumes = ("--volume", f"{drawn}:{plan.command[3]}:ro", "--volume", f"{tmp_path}:/opt/ml/processing/output")
    words = [DOCKER, "run", "--rm", *volumes, "--entrypoint", program, conftest.IMAGE, *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert {"training/training.npz", "validation/validation.npz"} <= {
        path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.npz")
    }
