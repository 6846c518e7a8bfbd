"""Training job with SageMaker's Estimator, in the cloud and in local mode.

Plan -> fit(session, plan), which prints the job's log -> Job
"""

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from scripts import interruption
from scripts.aws import session
from scripts.aws.session import PREFIX
from scripts.errors import Interrupted
from scripts.resources.jobs.extras import JobExtras

METRICS = Path(__file__).parents[1] / "metric_definitions.json"
_SPOT_WAIT_FACTOR = 2
"""Limit for a spot job including the wait for capacity, in multiples of its running time limit."""


@dataclass(frozen=True)
class Plan:
    """Specification of a training job.

    Attributes:
        image: URI of the image, with tag or digest.
        role: ARN of the execution role.
        inputs: Channel -> URI, s3:// or file://.
        output: URI of the folder for artifacts and, with *spot*, checkpoints.
        max_hours: Limit of the running time, hours.
        entry_point: The user's program in *source_dir*, which replaces the image's.
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
    extras: JobExtras = field(default_factory=JobExtras)


@dataclass(frozen=True)
class Job:
    """A finished training job, as SageMaker describes it."""

    name: str
    status: str
    image: str
    role: str
    artifact: str | None
    metrics: Mapping[str, float]
    failure: str | None


def fit(sagemaker_session: Any, plan: Plan) -> Job:
    """Run the job to its end; print its log.

    Args:
        sagemaker_session: SageMaker's Session or LocalSession.
        plan: The job.

    Returns:
        The job, even if it failed.

    Raises:
        Failure: the command lost access to AWS; the job keeps running.
        Interrupted: Ctrl-C; the message says what keeps running.
    """
    session.quiet_sdk()
    from sagemaker.estimator import Estimator
    from sagemaker.exceptions import UnexpectedStatusException
    from sagemaker.utils import name_from_base

    name = name_from_base(PREFIX)
    seconds = int(plan.max_hours * 3600)
    spot = (
        {
            "use_spot_instances": True,
            "max_wait": seconds * _SPOT_WAIT_FACTOR,
            # one folder per job, because a job resumes from any checkpoints that it finds
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
        # both need a program that the image does not have
        disable_profiler=True,
        debugger_hook_config=False,
        **spot,
        **own,
        **plan.extras.arguments,
    )
    plan.extras.extend(sagemaker_session.sagemaker_client)
    click.echo(f"training job: {name}")
    still_running = (
        f"{name} keeps running and billing, {plan.instance_count} x {plan.instance_type} for at most {plan.max_hours:g}"
        f" h; stop it: aws sagemaker stop-training-job --training-job-name {name};"
        f" or deploy its model later: python -m scripts.deploy --job {name}"
    )
    try:
        with interruption.not_dropped():
            estimator.fit(dict(plan.inputs), job_name=name, wait=False)
    except KeyboardInterrupt as error:
        raise Interrupted(f"interrupted; if it has started, {still_running}") from error
    # a login may expire before the job has ended
    with session.readable_errors(next_step=still_running), interruption.not_dropped():
        with contextlib.suppress(UnexpectedStatusException):  # the job's description says more
            estimator.latest_training_job.wait()
        return _job(sagemaker_session, name, plan)


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
