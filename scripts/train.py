"""The command that trains on SageMaker.

cost confirmation -> upload of the folders to S3 -> training_job.fit -> table, results/training-job.json
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from scripts import parsing
from scripts.aws import costs, ecr, s3_inputs, session
from scripts.aws.session import PREFIX
from scripts.diagnosis import knowledge, report
from scripts.errors import Failure, OperationError
from scripts.options import Command, result
from scripts.resources.jobs import extras, training_job


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Examples:
      python -m scripts.train --image URI --role ARN --training results/GTSRB/data/training -p epochs=10
      python -m scripts.train --image URI --role ARN --training results/GTSRB/data/training --spot --max-hours 0.5 --yes
    """,
)
@click.option("--image", required=True, help="URI that `make push` printed.")
@click.option("--role", type=parsing.ROLE_ARN, required=True, envvar="SAGEMAKER_ROLE", show_envvar=True,
              help="ARN of the execution role.")  # fmt: skip
@click.option("--training", type=s3_inputs.FOLDER_OR_URI, required=True,
              help="Folder with the training data, here or in S3.")  # fmt: skip
@click.option("--validation", type=s3_inputs.FOLDER_OR_URI,
              help="Folder with the validation data, here or in S3.")  # fmt: skip
@click.option("--bucket", help="S3 bucket; default: sagemaker-REGION-ACCOUNT; created if it is missing.")
@click.option("--instance-type", default="ml.g4dn.xlarge", show_default=True)
@click.option("--instance-count", type=click.IntRange(1), default=1, show_default=True)
@click.option("--spot", is_flag=True, help="Cheaper spot instances; the job resumes after an interruption.")
@click.option("--max-hours", type=click.FloatRange(1 / 60, 120), default=1.0, show_default=True,
              help="Limit of the running time.")  # fmt: skip
@click.option("--network-isolation", is_flag=True, help="Run the container without network, not even to S3.")
@extras.options
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the job; repeatable.")
@click.option("-p", "--hyperparameter", "pairs", multiple=True, metavar="KEY=VALUE", help="Repeatable.")
@click.option("--hyperparameters", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JSON object.")
@click.option("--output", type=click.Path(path_type=Path), default="results/training-job.json", show_default=True,
              help="File for the finished job; deploy and transform read it.")  # fmt: skip
@click.option("--yes", is_flag=True, envvar="YES", help="Start without asking for confirmation; also YES=1.")
def main(
    *,
    image: str,
    role: str,
    training: Path | str,
    validation: Path | str | None,
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
    **extra_options: Any,
) -> None:
    """Train on SageMaker and wait for the job; exit code 1 if it fails."""
    values = _read(hyperparameters) | parsing.parse_values(pairs)
    parsed_tags = parsing.parse_tags(tags)
    rare = extras.JobExtras(**extra_options)
    rare.check(spot=spot)
    session.require_sdk(2)
    account = session.connect()
    ecr.require_same_region(image, account.region)
    types = (instance_type, *rare.fallback_type)
    for each in types:
        ecr.require_processor(account, image, each, job=True)
    bill = costs.Bill(" or ".join(types), instance_count, max_hours, spot=spot, extras=rare.bill)
    costs.confirm(bill, account.region, yes=yes)
    bucket = bucket or s3_inputs.default_bucket(account)
    folders = {"training": training} | ({"validation": validation} if validation else {})
    inputs = f"s3://{bucket}/{PREFIX}/inputs/"
    leftover = f"what was uploaded is at {inputs}; remove it: aws s3 rm --recursive {inputs}"
    with session.readable_errors(next_step=leftover):
        uris = s3_inputs.upload(account, bucket, folders)
        plan = training_job.Plan(
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
            tags=parsed_tags,
            extras=rare,
        )
        job = training_job.fit(session.sagemaker_session(account), plan)
    result(**asdict(job), file=str(output))
    with session.readable_errors(next_step=f"{job.name} is {job.status}; its model: {job.artifact}"):
        _finish(account, job, output)
    if reminder := rare.reminder(job.name):
        click.echo(reminder)


def _finish(account: session.Account, job: training_job.Job, output: Path) -> None:
    """Show the job, write *output*, diagnose a failure.

    Raises:
        OperationError: the job failed, or the file cannot be written.
    """
    _show(job)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(asdict(job), indent=2) + "\n", encoding="utf-8")
    except OSError as error:  # the job's name must not get lost
        message = f"cannot write {output}: {error.strerror}; {job.name} is {job.status}: use it with deploy --job"
        raise OperationError(message) from error
    if job.status != "Completed":
        from scripts.diagnosis import cloud

        title = f"{job.name} ended as {job.status}: {job.failure or 'SageMaker gives no reason'}"
        evidence = cloud.collect(account.boto, job.name, "training-job")
        raise OperationError(report.failed(title, evidence, knowledge.diagnose(evidence)))
    click.echo(f"wrote {output}; next step: make deploy")


def _show(job: training_job.Job) -> None:
    from rich.console import Console
    from rich.table import Table

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
        raise Failure(f"{path} contains {type(values).__name__}; expected an object, one key per hyperparameter")
    return values


if __name__ == "__main__":
    main()
