"""`inventory`: jobs and warm pools, and how they are stopped."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from tests.aws.account.test_iam import denied
from tests.aws.account.test_inventory import listed
from tests.aws.cloud import IMAGE, REGION, ROLE, Cloud, patch_created


def make_training_job(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str, keep_alive: int, **state: Any) -> None:
    patch_created(monkeypatch, sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION], "create_training_job", **state)
    cloud.sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        OutputDataConfig={"S3OutputPath": "s3://bucket/out"},
        ResourceConfig={
            "InstanceType": "ml.g4dn.xlarge", "InstanceCount": 2, "VolumeSizeInGB": 1,
            "KeepAlivePeriodInSeconds": keep_alive,
        },
        StoppingCondition={"MaxRuntimeInSeconds": 36000},
    )  # fmt: skip


def make_transform_job(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str, **state: Any) -> None:
    patch_created(monkeypatch, sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION], "create_transform_job", **state)
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/in"}}
    cloud.sagemaker.create_transform_job(
        TransformJobName=name,
        ModelName="traffic-signs-m",
        TransformInput={"DataSource": source},
        TransformOutput={"S3OutputPath": "s3://bucket/out"},
        TransformResources={"InstanceType": "ml.c5.large", "InstanceCount": 3},
    )


def make_processing_job(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str, **state: Any) -> None:
    resources = {"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.xlarge", "VolumeSizeInGB": 30}}
    state["processing_resources"] = resources  # which moto does not keep
    patch_created(monkeypatch, sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION], "create_processing_job", **state)
    cloud.sagemaker.create_processing_job(
        ProcessingJobName=name,
        ProcessingResources=resources,
        AppSpecification={"ImageUri": IMAGE},
        RoleArn=ROLE,
    )


def make_tuning_job(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    backend = sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION]
    cloud.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig={"Strategy": "Random", "ResourceLimits": {"MaxParallelTrainingJobs": 2}},
    )
    job = backend.hyper_parameter_tuning_jobs[name]
    monkeypatch.setattr(job, "hyper_parameter_tuning_job_status", "InProgress")
    monkeypatch.setitem(job.training_job_status_counters, "InProgress", 2)


def test_jobs_in_progress_and_warm_pools_are_counted(account: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    running = {
        "training_job_status": "InProgress",
        "training_start_time": now - timedelta(hours=2),
        "training_end_time": None,
    }
    make_training_job(account, monkeypatch, "traffic-signs-runs", 0, **running)
    monkeypatch.undo()
    pool = {"warm_pool_status": {"Status": "Available"}, "training_end_time": now - timedelta(minutes=30)}
    make_training_job(account, monkeypatch, "traffic-signs-pool", 3600, **pool)
    monkeypatch.undo()
    make_training_job(account, monkeypatch, "traffic-signs-done", 0)
    found = listed(account.run("inventory", "--json"))
    assert set(found) == {
        ("training job", "traffic-signs-runs"), ("warm pool", "traffic-signs-pool"), ("model", "traffic-signs-m")
    }  # fmt: skip
    job, pool_found = found["training job", "traffic-signs-runs"], found["warm pool", "traffic-signs-pool"]
    assert job["usd_so_far"] == pytest.approx(2 * 2 * 0.7364, abs=0.01)
    assert job["usd_per_month"] is None
    assert pool_found["usd_so_far"] == pytest.approx(0.5 * 2 * 0.7364, abs=0.01)
    ends = datetime.fromisoformat(pool_found["ends"])
    assert abs(ends - now - timedelta(minutes=30)) < timedelta(seconds=5)
    assert not denied(account.calls())


def test_a_transform_job_uses_its_model_a_tuning_job_bills_by_its_training_jobs_and_a_processing_job_bills(
    account: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = datetime.now(UTC) - timedelta(hours=1)
    running = {"transform_job_status": "InProgress", "transform_start_time": since}
    make_transform_job(account, monkeypatch, "traffic-signs-batch", **running)
    make_tuning_job(account, monkeypatch, "traffic-signs-search")
    running = {"processing_job_status": "InProgress", "processing_start_time": since}
    make_processing_job(account, monkeypatch, "traffic-signs-data", **running)
    found = listed(account.run("inventory", "--json"))
    assert set(found) == {
        ("transform job", "traffic-signs-batch"), ("tuning job", "traffic-signs-search"),
        ("processing job", "traffic-signs-data"),
    }  # fmt: skip
    assert found["processing job", "traffic-signs-data"]["usd_so_far"] == pytest.approx(0.23, abs=0.01)
    assert found["transform job", "traffic-signs-batch"]["usd_so_far"] == pytest.approx(3 * 0.102, abs=0.01)
    assert found["tuning job", "traffic-signs-search"]["remark"] == "2 training jobs in progress, which bill"
    assert not denied(account.calls())


def stops(monkeypatch: pytest.MonkeyPatch, operation: str, key: str, jobs: str, status: str) -> None:
    """Give moto an operation that stops jobs, and refuses those that have ended, as AWS does."""

    def stop(response: Any) -> ActionResult:
        job = getattr(response.sagemaker_backend, jobs)[response._get_param(key)]  # noqa: SLF001 # as moto's own
        if getattr(job, status) != "InProgress":
            raise ValidationError(f"The request was rejected because the job is in status {getattr(job, status)}.")
        setattr(job, status, "Stopped")
        return ActionResult({})

    monkeypatch.setattr(SageMakerResponse, operation, stop, raising=False)


def test_jobs_are_stopped_and_a_warm_pool_is_ended(account: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    running = {"training_job_status": "InProgress", "training_end_time": None}
    make_training_job(account, monkeypatch, "traffic-signs-runs", 0, **running)
    monkeypatch.undo()
    make_training_job(account, monkeypatch, "traffic-signs-pool", 3600, warm_pool_status={"Status": "Available"})
    make_transform_job(account, monkeypatch, "traffic-signs-batch", transform_job_status="InProgress")
    make_tuning_job(account, monkeypatch, "traffic-signs-search")
    stops(monkeypatch, "stop_training_job", "TrainingJobName", "training_jobs", "training_job_status")
    stops(monkeypatch, "stop_transform_job", "TransformJobName", "transform_jobs", "transform_job_status")
    stops(monkeypatch, "stop_hyper_parameter_tuning_job", "HyperParameterTuningJobName",
          "hyper_parameter_tuning_jobs", "hyper_parameter_tuning_job_status")  # fmt: skip

    def update_training_job(response: Any) -> ActionResult:
        job = response.sagemaker_backend.training_jobs[response._get_param("TrainingJobName")]  # noqa: SLF001 # as above
        if response._get_param("ResourceConfig") != {"KeepAlivePeriodInSeconds": 0}:  # noqa: SLF001 # as above
            raise ValidationError("expected the end of the warm pool")
        job.warm_pool_status = {"Status": "Terminated", "ResourceRetainedBillableTimeInSeconds": 60}
        return ActionResult({})

    monkeypatch.setattr(SageMakerResponse, "update_training_job", update_training_job, raising=False)
    make_processing_job(account, monkeypatch, "traffic-signs-data", processing_job_status="InProgress")
    names = [f"traffic-signs-{name}" for name in ("runs", "pool", "batch", "search", "data")]
    done = account.run("inventory", "--yes", *(word for name in names for word in ("--delete", name)))
    assert done.returncode == 0, done.stderr
    assert "stop: training job traffic-signs-runs\n" in done.stderr
    assert "end: warm pool traffic-signs-pool\n" in done.stderr
    assert set(listed(account.run("inventory", "--json"))) == {("model", "traffic-signs-m")}
    assert not denied(account.calls())
