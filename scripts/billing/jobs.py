"""Jobs in progress, and the warm pools that finished training jobs keep.

List calls by status -> Describe of each -> Item
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from scripts.billing.endpoints import summaries
from scripts.billing.item import Item, Machines

_RUNNING = ("InProgress", "Stopping")


def training(client: Any) -> Iterator[Item]:
    """Yield the training jobs in progress, those of tuning jobs too, and the warm pools that wait for a next job."""
    running = [each for status in _RUNNING for each in _training_jobs(client, StatusEquals=status)]
    for summary in running:
        job = client.describe_training_job(TrainingJobName=summary["TrainingJobName"])
        ends = job.get("TrainingStartTime") and job["TrainingStartTime"] + timedelta(
            seconds=job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 0)
        )
        yield Item(
            "training job",
            summary["TrainingJobName"],
            summary["TrainingJobStatus"],
            job.get("TrainingStartTime", summary["CreationTime"]),
            _machines(job),
            ends=ends or None,
            remark="spot: costs at most this" if job.get("EnableManagedSpotTraining") else "",
        )
    for summary in _training_jobs(client, WarmPoolStatusEquals="Available"):
        job = client.describe_training_job(TrainingJobName=summary["TrainingJobName"])
        if job.get("WarmPoolStatus", {}).get("Status") != "Available":
            continue  # its time was over since it was listed
        seconds = job["ResourceConfig"].get("KeepAlivePeriodInSeconds", 0)
        yield Item(
            "warm pool",
            summary["TrainingJobName"],
            "Available",
            job["TrainingEndTime"],
            _machines(job),
            ends=job["TrainingEndTime"] + timedelta(seconds=seconds),
            remark=f"kept for {seconds // 60} min after the job",
        )


def transform(client: Any) -> Iterator[tuple[Item, str]]:
    """Yield the batch transform jobs in progress, each with the name of its model."""
    for status in _RUNNING:
        for summary in summaries(client, "list_transform_jobs", "TransformJobName", StatusEquals=status):
            job = client.describe_transform_job(TransformJobName=summary["TransformJobName"])
            resources = job["TransformResources"]
            machines = Machines("Tsform", resources["InstanceType"], resources["InstanceCount"])
            since = job.get("TransformStartTime", summary["CreationTime"])
            yield Item("transform job", summary["TransformJobName"], status, since, (machines,)), job["ModelName"]


def processing(client: Any) -> Iterator[Item]:
    """Yield the processing jobs in progress."""
    for status in _RUNNING:
        for summary in summaries(client, "list_processing_jobs", "ProcessingJobName", StatusEquals=status):
            job = client.describe_processing_job(ProcessingJobName=summary["ProcessingJobName"])
            cluster = job["ProcessingResources"]["ClusterConfig"]
            machines = Machines("Processing", cluster["InstanceType"], cluster["InstanceCount"])
            since = job.get("ProcessingStartTime", summary["CreationTime"])
            yield Item("processing job", summary["ProcessingJobName"], status, since, (machines,))


def tuning(client: Any) -> Iterator[Item]:
    """Yield the tuning jobs in progress; their training jobs bill, which `training` yields."""
    for status in _RUNNING:
        for summary in summaries(
            client, "list_hyper_parameter_tuning_jobs", "HyperParameterTuningJobName", StatusEquals=status
        ):
            running = summary["TrainingJobStatusCounters"].get("InProgress", 0)
            yield Item(
                "tuning job",
                summary["HyperParameterTuningJobName"],
                status,
                summary["CreationTime"],
                remark=f"{running} training jobs in progress, which bill",
            )


def _training_jobs(client: Any, **filters: str) -> list[Mapping[str, Any]]:
    return summaries(client, "list_training_jobs", "TrainingJobName", **filters)


def _machines(job: Mapping[str, Any]) -> tuple[Machines, ...]:
    """Return the instances of a training job; of unknown type, without a price, while AWS still chooses it."""
    resources = job["ResourceConfig"]
    groups = resources.get("InstanceGroups") or [resources]
    return tuple(
        Machines("Train", group.get("InstanceType", "unknown type"), group.get("InstanceCount", 1)) for group in groups
    )
