"""Lookup of a trained model: of a training job, of the latest job file, by the URI of a model.tar.gz, or approved.

--job, results/training-job.json, --model-data or --approved -> TrainedModel(image, role, model_data)
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from scripts.aws import s3_inputs
from scripts.aws.processors import ARM, PUSHED, platform_of
from scripts.errors import Failure
from scripts.model_registry import registered
from scripts.parsing import ROLE_ARN

_OPTIONS = (
    click.option("--job", help="Name of a training job; default: the job in --job-file."),
    click.option(
        "--job-file",
        type=click.Path(path_type=Path),
        default="results/training-job.json",
        show_default=True,
        help="File that scripts.train wrote.",
    ),
    click.option("--model-data", help="S3 URI of a model.tar.gz, instead of a job."),
    click.option("--image", help="URI of the image; default: the job's."),
    click.option(
        "--role",
        type=ROLE_ARN,
        envvar="SAGEMAKER_ROLE",
        show_envvar=True,
        help="ARN of the execution role; default: the job's.",
    ),
)
_APPROVED = click.option("--approved", metavar="GROUP", help="Newest approved version of a group in the registry.")


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, as SageMaker needs it.

    Attributes:
        image: URI of the image, with tag or digest.
        role: ARN of the execution role.
        model_data: URI of model.tar.gz.
        job: Name of the training job; empty if it is unknown.
        tags: Lineage of an approved version, for what is made of it.
        instance_types: Types that endpoints of an approved version may have; empty for any.
    """

    image: str
    role: str
    model_data: str
    job: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    instance_types: Sequence[str] = ()

    def require_instance_type(self, instance_type: str) -> None:
        """Reject an instance type for which the version is not registered; an empty one, of serverless, passes.

        Raises:
            Failure: the model is an approved version, and *instance_type* is none of its types.
        """
        if instance_type and self.instance_types and instance_type not in self.instance_types:
            raise Failure(
                f"{self.tags[registered.PACKAGE]} is registered for {', '.join(self.instance_types)}, not for"
                f" {instance_type}: choose one of them, or register it with --instance-type {instance_type}"
            )


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that are the keyword arguments of `find` to a command."""
    return job_options(_APPROVED(command))


def job_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of `find` but --approved to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def find(
    client: Any,
    *,
    job: str | None,
    job_file: Path,
    model_data: str | None,
    image: str | None,
    role: str | None,
    approved: str | None = None,
) -> TrainedModel:
    """Look up the model; *image*, *role* and *model_data* override those of the job.

    Args:
        client: boto3's for SageMaker.
        job: Name of a training job.
        job_file: File that train wrote; read if neither *job* nor *model_data* is given.
        model_data: URI of a model.tar.gz, instead of a job.
        image: URI of the image.
        role: ARN of the execution role.
        approved: Group in the registry whose newest approved version is the model.

    Raises:
        Failure: there is no model, its job has not completed, or image or role are unknown.
        botocore.exceptions.ClientError: the job does not exist.
    """
    if model_data:
        s3_inputs.require_uri(model_data, "KEY", "--model-data")
    if approved:
        if job or model_data or image:
            raise Failure("--approved names image and model: omit --job, --model-data and --image")
        return _registered(registered.find_approved(client, approved), role)
    if job and model_data:
        raise Failure("--model-data and --job exclude each other: choose one")
    known = {} if model_data else _read_job(client, job) if job else _read_job_file(job_file)
    given = {"image": image, "role": role, "model_data": model_data}
    found = {key: value or known.get(key) or "" for key, value in given.items()}
    missing = [f"--{key.replace('_', '-')}" for key, value in found.items() if not value]
    if missing:
        raise Failure(f"{' and '.join(missing)} missing: add them, or train first with make train")
    return TrainedModel(found["image"], found["role"], found["model_data"], known.get("job", ""))


def _registered(version: registered.Registered, role: str | None) -> TrainedModel:
    if not (role := role or version.role):
        raise Failure(f"{version.arn} names no execution role: add --role")
    click.echo(f"approved: {version.arn}", err=True)
    return TrainedModel(
        version.image, role, version.model_data, tags=version.lineage, instance_types=version.instance_types
    )


def on_instances(model: TrainedModel, instance_type: str) -> TrainedModel:
    """Return the model with the image that was pushed for Arm, if the instances need one and there is one.

    The model of a training job names an image for x86-64, where all training but ml.p6e-gb200's is. An approved version
    keeps the image that was approved.
    """
    file = PUSHED[ARM]
    if model.tags or platform_of(instance_type) != ARM or not file.is_file():
        return model
    image = file.read_text(encoding="utf-8").strip()
    click.echo(f"image for {instance_type}: {image}, from {file}", err=True)
    return replace(model, image=image)


def _read_job(client: Any, job: str) -> dict[str, str]:
    description = client.describe_training_job(TrainingJobName=job)
    if description["TrainingJobStatus"] != "Completed":
        raise Failure(f"{job} is {description['TrainingJobStatus']}; it has a model once it is Completed")
    return {
        "job": job,
        "image": description["AlgorithmSpecification"].get("TrainingImage", ""),
        "role": description["RoleArn"],
        "model_data": description["ModelArtifacts"]["S3ModelArtifacts"],
    }


def _read_job_file(path: Path) -> dict[str, str]:
    if not path.exists():
        raise Failure(f"{path} does not exist: train first with make train, or set --job or --model-data")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name, status = content["name"], content["status"]
        found = {"job": name, "image": content["image"], "role": content["role"], "model_data": content["artifact"]}
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path} is damaged: train again with make train, or set --job or --model-data") from error
    if status != "Completed":
        raise Failure(f"{path}: {name} ended as {status}; train again with make train, or set --model-data")
    return found
