"""The command that searches for hyperparameters by a tuning job on SageMaker.

search space -> cost ceiling, confirmed -> upload to S3 -> tuning job -> table, results/
"""

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from scripts import parsing
from scripts.options import Command, result
from scripts.tuning import options


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Examples:
      python -m scripts.tune --image URI --role ARN --training results/GTSRB/data/training -p preset=quick
      python -m scripts.tune --image URI --role ARN --training results/GTSRB/data/training --spot --max-jobs 20 --yes
      python -m scripts.tune --image URI --role ARN --training results/GTSRB/data/training -p epochs=27 \\
        --strategy Hyperband --parallel 4
    """,
)
@options.common
@click.option("--image", required=True, help="URI that `make push` printed.")
@click.option("--role", type=parsing.ROLE_ARN, required=True, envvar="SAGEMAKER_ROLE", show_envvar=True,
              help="ARN of the execution role.")  # fmt: skip
@click.option("--bucket", help="S3 bucket; default: sagemaker-REGION-ACCOUNT; created if it is missing.")
@click.option("--instance-type", default="ml.g4dn.xlarge", show_default=True)
@click.option("--instance-count", type=click.IntRange(1), default=1, show_default=True, help="For each training job.")
@click.option("--parallel", type=click.IntRange(1), default=2, show_default=True,
              help="Training jobs at a time; fewer learn more from each other.")  # fmt: skip
@click.option("--spot", is_flag=True, help="Cheaper spot instances; an interrupted job begins again.")
@click.option("--max-hours", type=click.FloatRange(1 / 60, 120), default=1.0, show_default=True,
              help="Limit of the running time of each training job.")  # fmt: skip
@click.option("--network-isolation", is_flag=True, help="Run the container without network, not even to S3.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of all jobs; repeatable.")
@options.job_output
@click.option("--yes", is_flag=True, envvar="YES", help="Start without asking for confirmation; also YES=1.")
def main(
    *,
    training: Path,
    validation: Path | None,
    output: Path,
    bucket: str | None,
    parallel: int,
    tags: tuple[str, ...],
    job_output: Path,
    yes: bool,
    image: str,
    instance_type: str,
    role: str,
    instance_count: int,
    spot: bool,
    max_hours: float,
    network_isolation: bool,
    **search: Any,
) -> None:
    """Search for the best hyperparameters by a tuning job on SageMaker; exit code 1 if no training job has completed.

    Ctrl-C ends the command, not the tuning job.
    """
    space, strategy = options.parse(**search)
    from scripts.aws import costs, ecr, s3_inputs, session
    from scripts.tuning.cloud import ceiling, ending, request

    parsed_tags = parsing.parse_tags(tags)
    account = session.connect()
    ecr.require_same_region(image, account.region)
    ecr.require_processor(account, image, instance_type, job=True)
    bill = ceiling.bill(account, strategy.jobs, instance_type, instance_count, max_hours, spot=spot)
    costs.confirm(bill, account.region, yes=yes)
    bucket = bucket or s3_inputs.default_bucket(account)
    name = f"{session.PREFIX}-{datetime.now(UTC):%y%m%d-%H%M%S}-{secrets.token_hex(2)}"  # at most 32 characters
    result(tuning_job=name)
    uploads = f"s3://{bucket}/{session.PREFIX}/inputs/"
    with session.readable_errors(
        "s3", f"what was uploaded is at {uploads}; remove it: aws s3 rm --recursive {uploads}"
    ):
        inputs = s3_inputs.upload(account, bucket, options.channels(training, validation))
    plan = request.Plan(
        name=name,
        image=image,
        role=role,
        inputs=inputs,
        output=f"s3://{bucket}/{session.PREFIX}/jobs",
        space=space,
        strategy=strategy,
        instance_type=instance_type,
        instance_count=instance_count,
        parallel=min(parallel, strategy.jobs),
        max_hours=max_hours,
        spot=spot,
        network_isolation=network_isolation,
        tags=parsed_tags,
    )
    # Ctrl-C may come when AWS has started the job and has not answered
    with session.readable_errors("sagemaker", f"{name} may run and bill; stop it: {ending.stop(name)}", starts=True):
        account.boto.client("sagemaker").create_hyper_parameter_tuning_job(**request.parameters(plan))
    click.echo(f"tuning job: {name}")
    ending.collect(account, name, output, job_output)


if __name__ == "__main__":
    main()
