"""Folder tree that SageMaker mounts at /opt/ml for a training job.

    channels, hyperparameters, hosts, Form  ->  input/config/*.json, input/data/*, empty folders for the rest

The names and keys of the three documented files follow "How Amazon SageMaker AI Provides Training Information".
The other files are those in the logs of real jobs, with the members of the API model.
"""

import enum
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HOST = "algo-1"
JOB = "local"
"""Name of the job in variables and configuration files."""
ARN = f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{JOB}"
VARIABLES = {
    "TRAINING_JOB_NAME": JOB,
    "TRAINING_JOB_ARN": ARN,
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
}
"""Environment variables that the platform sets in a training container."""
PLATFORM_HYPERPARAMETERS = {
    "_tuning_objective_metric": "validation:accuracy",
    "sagemaker_container_log_level": 20,
    "sagemaker_job_name": JOB,
    "sagemaker_region": "us-east-1",
}
"""Hyperparameters added without the user: the first by a tuning job, the others by SDK v2."""


class Encoding(enum.StrEnum):
    """Client, by which the strings of hyperparameters differ; measured with sagemaker 2.257.7 and 3.27.0."""

    JSON = "SDK v2 with source_dir"
    """json.dumps of each value: "adam" in quotes, true, null."""
    PYTHON = "SDK v2 without source_dir"
    """str of each value: adam, True, None, [1, 2], {'a': 1}."""
    TEXT = "SDK v3"
    """Text as it is, and JSON for the rest: adam, true, null. What boto3 and Step Functions send has no rule."""


@dataclass(frozen=True)
class Group:
    """Instance group: hosts with the same instance type."""

    name: str = "homogeneousCluster"
    instance_type: str = "local"
    hosts: tuple[str, ...] = (HOST,)


@dataclass(frozen=True)
class Form:
    """Form of the files; the default is that of a job on the platform started by SDK v2."""

    encoding: Encoding = Encoding.JSON
    local_mode_keys: bool = False
    """inputdataconfig.json and resourceconfig.json with only the few keys of SDK v3's local mode."""
    extra_files: bool = True
    """Write the configuration files that the guide does not document too."""
    manifests: bool = False
    """Write a file <channel>-manifest beside each channel's folder, as in some jobs."""


def write(
    base: Path,
    channels: Iterable[str],
    hyperparameters: Mapping[str, Any],
    host: str = HOST,
    *,
    groups: Iterable[Group] | None = None,
    form: Form = Form(),
) -> None:
    """Write the tree below *base*, with all folders except those of the channels.

    Args:
        base: folder that becomes /opt/ml.
        channels: names of the channels; the caller mounts or links their data.
        hyperparameters: any JSON values.
        host: name of the current host; it must resolve where the job runs, or the toolkit waits 15 minutes
            before it starts a user program.
        groups: all hosts of the job; None for *host* alone.
        form: form of the files.

    Raises:
        FileExistsError: an earlier job left files in its model folder, which is empty when a job starts.
    """
    if (base / "model").is_dir() and any((base / "model").iterdir()):
        raise FileExistsError(f"{base / 'model'} has files of an earlier job: give this job another folder")
    config, data = base / "input" / "config", base / "input" / "data"
    for folder in (config, data, base / "model", base / "output" / "data", base / "checkpoints"):
        folder.mkdir(parents=True, exist_ok=True)
    channels, texts = list(channels), encoded(hyperparameters, form.encoding)
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


def encoded(hyperparameters: Mapping[str, Any], encoding: Encoding) -> dict[str, str]:
    """Return the strings of *hyperparameters*, which are any JSON values."""

    def text(value: Any) -> str:
        if encoding is Encoding.PYTHON:
            return str(value)
        return value if isinstance(value, str) and encoding is Encoding.TEXT else json.dumps(value)

    return {key: text(value) for key, value in hyperparameters.items()}


def current_host(base: Path) -> str:
    """Return the name of the host for which the tree at *base* was written."""
    content = json.loads((base / "input" / "config" / "resourceconfig.json").read_bytes())
    return str(content["current_host"])


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
