"""The command that converts a data set in S3 into training arrays with a SageMaker processing job.

cost confirmation -> CreateProcessingJob with the own image -> wait -> URIs of the channels for train
"""

from datetime import UTC, datetime

import click

from scripts import parsing
from scripts.aws import costs, ecr, s3_inputs, session
from scripts.aws.session import PREFIX
from scripts.errors import Failure
from scripts.options import Command, result
from scripts.resources.jobs import processing


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Examples:
      python -m scripts.prepare s3://sagemaker-us-east-1-111122223333/traffic-signs/raw/GTSRB.zip --image URI --role ARN
      python -m scripts.prepare s3://sagemaker-us-east-1-111122223333/traffic-signs/raw/signs/ --image URI --role ARN
    """,
)
@click.argument("source", metavar="S3_URI")
@click.option("--image", required=True, help="URI that `make push` printed.")
@click.option("--role", type=parsing.ROLE_ARN, required=True, envvar="SAGEMAKER_ROLE", show_envvar=True,
              help="ARN of the execution role.")  # fmt: skip
@click.option("--split", type=click.Choice(["track", "random"]), default="track", show_default=True)
@click.option("--bucket", help="S3 bucket for the arrays; default: sagemaker-REGION-ACCOUNT.")
@click.option("--instance-type", default="ml.m5.xlarge", show_default=True)
@click.option("--volume-gb", type=click.IntRange(1, 16384), default=30, show_default=True,
              help="Disk for images and arrays.")  # fmt: skip
@click.option("--max-hours", type=click.FloatRange(1 / 60, 120), default=1.0, show_default=True,
              help="Limit of the running time.")  # fmt: skip
@click.option("--yes", is_flag=True, envvar="YES", help="Start without asking for confirmation; also YES=1.")
def main(
    *,
    source: str,
    image: str,
    role: str,
    split: str,
    bucket: str | None,
    instance_type: str,
    volume_gb: int,
    max_hours: float,
    yes: bool,
) -> None:
    """Convert the data set at S3_URI, a folder or an archive, as `make data` does; for one that is too large for here.

    Exit code 1 if the job fails.
    """
    if not source.startswith("s3:"):
        raise Failure(f"{source} is not s3://BUCKET/KEY; make data converts a folder on this machine")
    s3_inputs.require_uri(source, "KEY", "S3_URI")
    account = session.connect()
    ecr.require_same_region(image, account.region)
    ecr.require_processor(account, image, instance_type, job=True)
    name = f"{PREFIX}-data-{datetime.now(UTC):%Y-%m-%d-%H-%M-%S}"
    plan = processing.Plan(
        name=name,
        source=source,
        output=f"s3://{bucket or s3_inputs.default_bucket(account)}/{PREFIX}/data/{name}",
        image=image,
        role=role,
        split=split,
        instance_type=instance_type,
        volume_gb=volume_gb,
        max_seconds=int(max_hours * 3600),
    )
    channels = {channel: f"{plan.output}/{channel}" for channel in ("training", "validation")}
    costs.confirm(costs.Bill(instance_type, 1, max_hours), account.region, yes=yes)
    result(name=name, **channels)
    processing.run(account.boto.client("sagemaker"), plan)
    result(status="Completed")
    words = " ".join(f"--{channel} {uri}" for channel, uri in channels.items())
    click.echo(f"next step: python -m scripts.train --image {image} --role {role} {words}")


if __name__ == "__main__":
    main()
