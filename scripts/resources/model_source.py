"""Which model: a training job's, the one that train wrote down last, or a model.tar.gz by its URI.

--job, results/training-job.json or --model-data -> Trained(image, role, artifact)
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from scripts.errors import Failure

_OPTIONS = (
    click.option("--job", help="Name of a training job; default: the one that train wrote to --job-file."),
    click.option("--job-file", type=click.Path(path_type=Path), default="results/training-job.json", show_default=True),
    click.option("--model-data", help="S3 URI of a model.tar.gz, in place of a job."),
    click.option("--image", help="Default: the job's image."),
    click.option("--role", envvar="SAGEMAKER_ROLE", help="ARN of the execution role; default: the job's."),
)


@dataclass(frozen=True)
class Trained:
    """What SageMaker makes a model of.

    Attributes:
        image: URI of the image, with tag or digest.
        role: ARN of the execution role.
        model_data: URI of model.tar.gz.
    """

    image: str
    role: str
    model_data: str


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that are the keywords of `find`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def find(
    client: Any, *, job: str | None, job_file: Path, model_data: str | None, image: str | None, role: str | None
) -> Trained:
    """Look the model up; *image*, *role* and *model_data* win over what the job says.

    Args:
        client: boto3's for SageMaker.
        job: Name of a training job.
        job_file: What train wrote, read where neither *job* nor *model_data* is given.
        model_data: URI of a model.tar.gz, in place of a job.
        image: URI.
        role: ARN.

    Raises:
        Failure: no model, one that is not complete, or image or role unknown.
        botocore.exceptions.ClientError: there is no such job.
    """
    known = {} if model_data else _of_job(client, job) if job else _of_file(job_file)
    given = {"image": image, "role": role, "model_data": model_data}
    found = {key: value or known.get(key) or "" for key, value in given.items()}
    missing = [f"--{key.replace('_', '-')}" for key, value in found.items() if not value]
    if missing:
        raise Failure(f"{' and '.join(missing)} missing: name them, or train first (make train)")
    return Trained(**found)


def _of_job(client: Any, job: str) -> dict[str, str]:
    description = client.describe_training_job(TrainingJobName=job)
    if description["TrainingJobStatus"] != "Completed":
        raise Failure(f"{job} is {description['TrainingJobStatus']}; a model is there once it is Completed")
    return {
        "image": description["AlgorithmSpecification"].get("TrainingImage", ""),
        "role": description["RoleArn"],
        "model_data": description["ModelArtifacts"]["S3ModelArtifacts"],
    }


def _of_file(path: Path) -> dict[str, str]:
    if not path.exists():
        raise Failure(f"no {path}: train first (make train), or give --job or --model-data")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        name, status = content["name"], content["status"]
        found = {"image": content["image"], "role": content["role"], "model_data": content["artifact"]}
    except (ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path} is damaged: train again (make train), or give --job or --model-data") from error
    if status != "Completed":
        raise Failure(f"{path}: {name} ended as {status}; train again, or give --model-data")
    return found
