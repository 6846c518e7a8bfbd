"""The user's choice for an update: what the endpoint is to run, where no option names what stays.

options, Fleet now -> training job, its file, or URIs -> Fleet then
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.aws import s3_inputs
from scripts.aws.processors import platform_of
from scripts.errors import Failure
from scripts.resources import hosting, model_source
from scripts.resources.model_source import TrainedModel
from scripts.resources.updates import fleet
from scripts.resources.updates.fleet import Fleet

JOB_FILE = Path("results/training-job.json")


@dataclass(frozen=True)
class Choice:
    """Options of `update`, None where one is not given."""

    approved: str | None
    job: str | None
    job_file: Path | None
    model_data: str | None
    image: str | None
    role: str | None
    instance_type: str | None
    instance_count: int | None


def wanted(boto: Any, name: str, now: Fleet, choice: Choice) -> tuple[Fleet, Mapping[str, str]]:
    """Return what the endpoint *name* is to run, and its lineage; without any option, the last training job's model.

    Raises:
        Failure: options exclude each other, or the endpoint has no such part.
    """
    if not any(vars(choice).values()):
        choice = replace(choice, job_file=JOB_FILE)
    size = [option for option in ("instance_type", "instance_count") if getattr(choice, option)]
    if size and not now.instance_type:
        option = f"--{size[0].replace('_', '-')}"
        raise Failure(f"{option}: {name} is serverless and has no instances; omit {option}")
    if choice.instance_type and len(now.instance_types) > 1:
        raise Failure(
            f"--instance-type: {name} runs on {now.hosts}, and an update keeps that: deploy another endpoint, or omit"
            " --instance-type"
        )
    model = _model(boto, now, choice)
    instance_type = choice.instance_type or now.instance_type
    for each in [choice.instance_type] if choice.instance_type else now.instance_types:
        model.require_instance_type(each)
    moved = platform_of(instance_type) != platform_of(now.instance_type)
    if not choice.image and (choice.job or choice.job_file or moved):
        model = model_source.on_instances(model, instance_type)
    then = replace(
        now,
        image=model.image,
        model_data=model.model_data,
        role=model.role,
        instance_type=instance_type,
        instance_count=choice.instance_count or now.instance_count,
    )
    if then.model_data != now.model_data:
        if not now.instance_type:
            hosting.require_archive(then.model_data, "a serverless endpoint")
        if now.model["PrimaryContainer"].get("Mode") == "MultiModel" and not then.model_data.endswith("/"):
            raise Failure(
                f"{name} serves the models in {now.model_data}, not one: set --image alone to change the image"
            )
    # a tag may have moved since the endpoint was made
    known = now.digest if then.image == now.image else then.image.partition("@")[2]
    return replace(then, digest=fleet.resolve(boto, then.image) or known), model.tags


def _model(boto: Any, now: Fleet, choice: Choice) -> TrainedModel:
    sources = [name for name in ("model_data", "approved", "job", "job_file") if getattr(choice, name)]
    if len(sources) > 1:
        one, other = (f"--{name.replace('_', '-')}" for name in sources[:2])
        raise Failure(f"{one} and {other} exclude each other: choose one")
    if choice.model_data:
        s3_inputs.require_uri(choice.model_data, "KEY", "--model-data")
    if not (choice.job or choice.job_file or choice.approved):
        return TrainedModel(choice.image or now.image, choice.role or now.role, choice.model_data or now.model_data)
    return model_source.find(
        boto.client("sagemaker"),
        job=choice.job,
        job_file=choice.job_file or JOB_FILE,
        model_data=None,
        image=choice.image,
        role=choice.role or (now.role if choice.approved else None),
        approved=choice.approved,
    )
