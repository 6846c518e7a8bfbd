"""The tree that SageMaker mounts at /opt/ml for a training job, written faithfully.

    channels, hyperparameters, hosts, encoding  ->  input/config/*.json, input/data/*, empty folders for the rest

The names and keys of the three documented files are those of "How Amazon SageMaker AI Provides Training
Information"; the other files are those that the logs of real jobs name, with the members that the API's
model has.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOST = "algo-1"
JOB = "local"
"""The job's name, in its variables and in what the platform writes about it."""
ARN = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{JOB}"
VARIABLES = {
    "TRAINING_JOB_NAME": JOB,
    "TRAINING_JOB_ARN": ARN,
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
"""What the platform sets in a training container, besides what the job's owner asks for."""
PLATFORM_HYPERPARAMETERS = {
    "_tuning_objective_metric": "validation:accuracy",
    "sagemaker_container_log_level": 20,
    "sagemaker_job_name": JOB,
    "sagemaker_region": "us-east-1",
}
"""Hyperparameters that nobody asked for: the first is a tuning job's, the others are SDK v2's."""


@dataclass(frozen=True)
class Group:
    """Hosts of the same instance type."""

    name: str = "homogeneousCluster"
    instance_type: str = "local"
    hosts: tuple[str, ...] = (HOST,)


@dataclass(frozen=True)
class Form:
    """How the files are written; as it stands, as for a job that SDK v2 started on the platform."""

    json_strings: bool = True
    """Values of hyperparameters as SDK v2's Estimator sends them, json.dumps of each; else as SDK v3,
    boto3 and Step Functions do, where strings stay bare."""
    local_mode_keys: bool = False
    """The two configurations as SDK v3's local mode writes them, with a few of the platform's keys."""
    extra_files: bool = True
    """The configuration files that the guide does not name are there too."""
    manifests: bool = False
    """A file <channel>-manifest beside the channel's folder, as some jobs have."""


def write(
    base: Path,
    channels: Iterable[str],
    hyperparameters: Mapping[str, Any],
    host: str = HOST,
    *,
    groups: Iterable[Group] | None = None,
    form: Form = Form(),
) -> None:
    """Write the tree below *base*, with a folder for each thing but the channels.

    Args:
        base: stands for /opt/ml.
        channels: their names; the caller mounts or links what is in them.
        hyperparameters: any values that JSON knows.
        host: the current one; its name must resolve where the job runs, or the toolkit waits 15 minutes
            for it before it starts a program of the user's own.
        groups: all hosts of the job; none for *host* alone.
        form: how the files are written.
    """
    config, data = base / "input" / "config", base / "input" / "data"
    for folder in (config, data, base / "model", base / "output" / "data", base / "checkpoints"):
        folder.mkdir(parents=True, exist_ok=True)
    channels, texts = list(channels), {key: _text(value, form.json_strings) for key, value in hyperparameters.items()}
    files: dict[str, Any] = {
        "hyperparameters.json": texts,
        "inputdataconfig.json": {name: _channel(form.local_mode_keys) for name in channels},
        "resourceconfig.json": _resources(host, list(groups or [Group(hosts=(host,))]), form.local_mode_keys),
    }
    if form.extra_files:
        files |= _others(channels, texts)
    for name, content in files.items():
        (config / name).write_text(json.dumps(content), encoding="utf-8")
    if form.manifests:
        for name in channels:
            manifest = [{"prefix": f"s3://sagemaker-us-east-1-123456789012/{name}/"}, "part-0"]
            (data / f"{name}-manifest").write_text(json.dumps(manifest), encoding="utf-8")


def current_host(base: Path) -> str:
    """Return the host whose tree was written at *base*."""
    content = json.loads((base / "input" / "config" / "resourceconfig.json").read_bytes())
    return str(content["current_host"])


def _text(value: Any, quoted: bool) -> str:
    return value if isinstance(value, str) and not quoted else json.dumps(value)


def _channel(short: bool) -> dict[str, str]:
    platform = {"S3DistributionType": "FullyReplicated", "RecordWrapperType": "None"}
    return {"TrainingInputMode": "File"} | ({} if short else platform)


def _resources(host: str, groups: list[Group], short: bool) -> dict[str, Any]:
    mine = next(group for group in groups if host in group.hosts)
    hosts = sorted(name for group in groups for name in group.hosts)
    common = {"current_host": host, "current_instance_type": mine.instance_type, "hosts": hosts}
    if short:
        return common | {"network_interface_name": "ethwe"}
    return common | {
        "current_group_name": mine.name,
        "instance_groups": [
            {"instance_group_name": group.name, "instance_type": group.instance_type, "hosts": sorted(group.hosts)}
            for group in groups
        ],
        "network_interface_name": "eth0",
    }


def _others(channels: list[str], hyperparameters: Mapping[str, str]) -> dict[str, Any]:
    bucket = "s3://sagemaker-us-east-1-123456789012"
    return {
        "init-config.json": {"inputMode": "FILE", "channels": {name: {"inputMode": "FILE"} for name in channels}},
        "trainingjobconfig.json": {
            "TrainingJobName": JOB,
            "TrainingJobArn": ARN,
            "HyperParameters": hyperparameters,
            "StoppingCondition": {"MaxRuntimeInSeconds": 86_400},
        },
        "metric-definition-regex.json": [],
        "upstreamoutputdataconfig.json": {"S3OutputPath": f"{bucket}/output", "KmsKeyId": ""},
        "debughookconfig.json": {"S3OutputPath": f"{bucket}/debug", "LocalPath": "/opt/ml/output/tensors"},
        "profilerconfig.json": {"S3OutputPath": f"{bucket}/profiler", "ProfilingIntervalInMilliseconds": 500},
        "checkpointconfig.json": {"LocalPath": "/opt/ml/checkpoints"},
    }
