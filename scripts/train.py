"""A training job on the project's image, with SageMaker's Estimator.

folders -> S3, once (inputs) -> cost line -> fit(session, plan) -> Job -> results/training-job.json
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from scripts import costs, inputs, session
from scripts.endpoint import Failure
from scripts.session import PREFIX

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
    instance_type: str = "ml.g4dn.xlarge"
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
    try:
        estimator.fit(dict(plan.inputs), job_name=name)
    except UnexpectedStatusException:
        pass  # the description says more
    except KeyboardInterrupt as error:
        raise Failure(
            f"{name} goes on and bills; stop it: aws sagemaker stop-training-job --training-job-name {name}"
        ) from error
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


@click.command(
    epilog="""\b
    Examples:
      python -m scripts.train --image URI --role ARN --training data/gtsrb/training -p epochs=10
      python -m scripts.train --image URI --role ARN --training data/gtsrb/training --spot --max-hours 0.5 --yes
    """
)
@click.option("--image", required=True, help="URI that make push printed.")
@click.option("--role", required=True, envvar="SAGEMAKER_ROLE", help="ARN of the execution role.")
@click.option("--training", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--validation", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--bucket", help="Default: sagemaker-REGION-ACCOUNT; made if it is missing.")
@click.option("--instance-type", default="ml.g4dn.xlarge", show_default=True)
@click.option("--instance-count", type=click.IntRange(1), default=1, show_default=True)
@click.option("--spot", is_flag=True, help="Cheaper machines, which AWS may take back; the job then begins anew.")
@click.option("--max-hours", type=click.FloatRange(1 / 60, 120), default=1.0, show_default=True)
@click.option("--network-isolation", is_flag=True, help="No network in the container, not even to S3.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Any number of times.")
@click.option("-p", "--hyperparameter", "pairs", multiple=True, metavar="KEY=VALUE", help="Any number of times.")
@click.option("--hyperparameters", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A JSON object.")
@click.option("--output", type=click.Path(path_type=Path), default="results/training-job.json", show_default=True)
@click.option("--yes", is_flag=True, envvar="YES", help="Do not ask whether it may cost money; YES=1 says the same.")
def main(
    *,
    image: str,
    role: str,
    training: Path,
    validation: Path | None,
    bucket: str | None,
    instance_type: str,
    instance_count: int,
    spot: bool,
    max_hours: float,
    network_isolation: bool,
    tags: tuple[str, ...],
    pairs: tuple[str, ...],
    hyperparameters: Path | None,
    output: Path,
    yes: bool,
) -> None:
    """Train on SageMaker and wait for the end; exit code 1 if the job fails."""
    values = _read(hyperparameters) | {key: value(text) for key, text in session.pairs(pairs).items()}
    own_tags = session.pairs(tags)
    account = session.connect()
    costs.confirm(costs.Bill(instance_type, instance_count, max_hours, spot=spot), account.region, yes=yes)
    bucket = bucket or inputs.default_bucket(account)
    folders = {"training": training} | ({"validation": validation} if validation else {})
    with session.clear_errors():
        uris = inputs.upload(account, bucket, folders)
        plan = Plan(
            image=image,
            role=role,
            inputs=uris,
            output=f"s3://{bucket}/{PREFIX}/jobs",
            instance_type=instance_type,
            instance_count=instance_count,
            hyperparameters=values,
            max_hours=max_hours,
            spot=spot,
            network_isolation=network_isolation,
            tags=own_tags,
        )
        job = fit(session.sdk(account), plan)
    _report(job)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(asdict(job), indent=2) + "\n", encoding="utf-8")
    if job.status != "Completed":
        raise click.ClickException(f"{job.name} ended as {job.status}: {job.failure or 'SageMaker gives no reason'}")
    click.echo(f"next: make deploy, which reads {output}")


def _report(job: Job) -> None:
    table = Table("training job", job.name, highlight=False)
    table.add_row("status", job.status)
    table.add_row("artifact", job.artifact or "none")
    for name, value in job.metrics.items():
        table.add_row(name, f"{value:.4f}")
    Console(soft_wrap=True).print(table)


def _read(path: Path | None) -> dict[str, Any]:
    if not path:
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Failure(f"{path} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise Failure(f"{path} holds {type(values).__name__}; expected an object, one key per hyperparameter")
    return values


def value(text: str) -> Any:
    """Read a hyperparameter as JSON, or as the text that it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    main()
