"""Lookup of a trained model: of a training job, of the latest job file, or by the URI of a model.tar.gz.

--job, results/training-job.json or --model-data -> TrainedModel(image, role, model_data)
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from scripts.aws.processors import ARM, PUSHED, platform_of
from scripts.errors import Failure

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
    click.option("--role", envvar="SAGEMAKER_ROLE", help="ARN of the execution role; default: the job's."),
)


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, as SageMaker needs it.

    Attributes:
        image: URI of the image, with tag or digest.
        role: ARN of the execution role.
        model_data: URI of model.tar.gz.
    """

    image: str
    role: str
    model_data: str


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that are the keyword arguments of `find` to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def find(
    client: Any, *, job: str | None, job_file: Path, model_data: str | None, image: str | None, role: str | None
) -> TrainedModel:
    """Look up the model; *image*, *role* and *model_data* override those of the job.

    Args:
        client: boto3's for SageMaker.
        job: Name of a training job.
        job_file: File that train wrote; read if neither *job* nor *model_data* is given.
        model_data: URI of a model.tar.gz, instead of a job.
        image: URI of the image.
        role: ARN of the execution role.

    Raises:
        Failure: there is no model, its job has not completed, or image or role are unknown.
        botocore.exceptions.ClientError: the job does not exist.
    """
    known = {} if model_data else _read_job(client, job) if job else _read_job_file(job_file)
    given = {"image": image, "role": role, "model_data": model_data}
    found = {key: value or known.get(key) or "" for key, value in given.items()}
    missing = [f"--{key.replace('_', '-')}" for key, value in found.items() if not value]
    if missing:
        raise Failure(f"{' and '.join(missing)} missing: add them, or train first with make train")
    return TrainedModel(**found)


def on_instances(model: TrainedModel, instance_type: str) -> TrainedModel:
    """Return the model with the image that was pushed for Arm, if the instances need one and there is one.

    The model of a training job names an image for x86-64, where all training but ml.p6e-gb200's is.
    """
    file = PUSHED[ARM]
    if platform_of(instance_type) != ARM or not file.is_file():
        return model
    image = file.read_text(encoding="utf-8").strip()
    click.echo(f"image for {instance_type}: {image}, from {file}", err=True)
    return replace(model, image=image)


def _read_job(client: Any, job: str) -> dict[str, str]:
    description = client.describe_training_job(TrainingJobName=job)
    if description["TrainingJobStatus"] != "Completed":
        raise Failure(f"{job} is {description['TrainingJobStatus']}; it has a model once it is Completed")
    return {
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
        found = {"image": content["image"], "role": content["role"], "model_data": content["artifact"]}
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path} is damaged: train again with make train, or set --job or --model-data") from error
    if status != "Completed":
        raise Failure(f"{path}: {name} ended as {status}; train again with make train, or set --model-data")
    return found
