"""One training job on the project's image, by SageMaker's Estimator: in the cloud and in local mode alike.

fit(session, plan) -> the job's log on the screen -> Job
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from scripts.aws import session
from scripts.aws.session import PREFIX
from scripts.errors import Failure

METRICS = Path(__file__).parent / "metric_definitions.json"
_WAIT_FOR_SPOT = 2
"""A spot job may take this many times its running time, the wait for capacity included."""


@dataclass(frozen=True)
class Plan:
    """What a training job is made of.

    Attributes:
        image: URI of the image, with tag or digest.
        role: ARN of the execution role.
        inputs: URI, s3:// or file://, per channel.
        output: URI of the folder for artifacts and, with *spot*, checkpoints.
        max_hours: The job is stopped after this many hours of running.
        entry_point: A program of one's own in *source_dir*, in place of the one in the image.
    """

    image: str
    role: str
    inputs: Mapping[str, str]
    output: str
    instance_type: str
    instance_count: int = 1
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)
    max_hours: float = 1.0
    spot: bool = False
    network_isolation: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    entry_point: str | None = None
    source_dir: str | None = None


@dataclass(frozen=True)
class Job:
    """A training job that has ended, as SageMaker describes it."""

    name: str
    status: str
    image: str
    role: str
    artifact: str | None
    metrics: Mapping[str, float]
    failure: str | None


def fit(sagemaker_session: Any, plan: Plan) -> Job:
    """Run the job to its end, its log on the screen.

    Args:
        sagemaker_session: SageMaker's Session or LocalSession.
        plan: The job.

    Returns:
        The job, failed ones too.

    Raises:
        Failure: interrupted, or AWS could not be asked any more; the job goes on.
    """
    session.quiet_sdk()
    from sagemaker.estimator import Estimator  # noqa: PLC0415 # slow, and not needed for --help
    from sagemaker.exceptions import UnexpectedStatusException  # noqa: PLC0415 # as above
    from sagemaker.utils import name_from_base  # noqa: PLC0415 # as above

    name = name_from_base(PREFIX)
    seconds = int(plan.max_hours * 3600)
    spot = (
        {
            "use_spot_instances": True,
            "max_wait": seconds * _WAIT_FOR_SPOT,
            # one folder per job: with another job's checkpoints it would not begin at the beginning
            "checkpoint_s3_uri": f"{plan.output}/{name}/checkpoints",
        }
        if plan.spot
        else {}
    )
    own = {"entry_point": plan.entry_point, "source_dir": plan.source_dir} if plan.entry_point else {}
    if own and plan.output.startswith("s3://"):
        own["code_location"] = plan.output
    estimator = Estimator(
        image_uri=plan.image,
        role=plan.role,
        instance_count=plan.instance_count,
        instance_type=plan.instance_type,
        hyperparameters=dict(plan.hyperparameters),
        output_path=plan.output,
        max_run=seconds,
        metric_definitions=json.loads(METRICS.read_text(encoding="utf-8")),
        tags=[{"Key": key, "Value": value} for key, value in plan.tags.items()],
        enable_network_isolation=plan.network_isolation,
        sagemaker_session=sagemaker_session,
        # both need a program inside the image that this one does not have
        disable_profiler=True,
        debugger_hook_config=False,
        **spot,
        **own,
    )
    click.echo(f"training job: {name}")
    estimator.fit(dict(plan.inputs), job_name=name, wait=False)
    goes_on = (
        f"{name} goes on and bills; stop it: aws sagemaker stop-training-job --training-job-name {name}; "
        f"or deploy what comes of it: python -m scripts.deploy --job {name}"
    )
    with session.clear_errors(then=goes_on):  # a login may expire before the job has ended
        # an interrupted wait may end in either; the job's description says more than what was raised
        with contextlib.suppress(UnexpectedStatusException, KeyboardInterrupt):
            estimator.latest_training_job.wait()
        job = _job(sagemaker_session, name, plan)
    if job.status == "InProgress":
        raise Failure(goes_on)
    return job


def _job(sagemaker_session: Any, name: str, plan: Plan) -> Job:
    description = sagemaker_session.sagemaker_client.describe_training_job(TrainingJobName=name)
    return Job(
        name=name,
        status=description["TrainingJobStatus"],
        image=plan.image,
        role=plan.role,
        artifact=description.get("ModelArtifacts", {}).get("S3ModelArtifacts"),
        metrics={metric["MetricName"]: metric["Value"] for metric in description.get("FinalMetricDataList", [])},
        failure=description.get("FailureReason"),
    )
