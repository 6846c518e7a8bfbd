"""The command that updates an endpoint: another image, model, instance type or count, with a way back.

endpoint, options -> what changes -> check of the image -> cost confirmation -> configuration, alarms -> traffic shifts
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from scripts import dry_run
from scripts.aws import costs, ecr, session
from scripts.errors import Failure
from scripts.options import Command, result
from scripts.resources.updates import alarms, change, choice, fleet, image_check, rollout, strategy
from scripts.resources.updates.request import Request


class DeployOrUpdate(Command):
    """`deploy`, which hands `--update ENDPOINT` and all other words to `update`, whose options differ."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options of `deploy`, or run `update` and end."""
        for index, word in enumerate(args):
            option, equals, name = word.partition("=")
            if option == "--update" and not ctx.resilient_parsing:
                main.main([*args[:index], *([name] if equals else []), *args[index + 1 :]], "python -m scripts.update")
        return super().parse_args(ctx, args)


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Examples:
      python -m scripts.update traffic-signs-2026-11-23-12-00-00
      python -m scripts.update --job traffic-signs-2026-11-24-12-00-00-000 --instance-count 2 --canary 50 NAME
      python -m scripts.update --image URI --model-data s3://BUCKET/model.tar.gz --linear 20 --bake 600 NAME
      python -m scripts.update --instance-count 4 --rolling 25 NAME
      python -m scripts.update --instance-type ml.c7g.large --image URI --dry-run NAME
    """,
)
@click.argument("name", metavar="ENDPOINT")
@click.option("--approved", metavar="GROUP", help="Newest approved version of a group in the registry.")
@click.option("--job", help="Name of a training job, whose model and image the endpoint gets.")
@click.option(
    "--job-file",
    type=click.Path(path_type=Path),
    help="File that scripts.train wrote; results/training-job.json, if no option says what to change.",
)
@click.option("--model-data", help="S3 URI of a model.tar.gz.")
@click.option("--image", help="URI of the image.")
@click.option("--role", help="ARN of the execution role.")
@click.option("--instance-type")
@click.option("--instance-count", type=click.IntRange(1))
@strategy.options
@click.option("--max-5xx", type=click.FloatRange(0, 100), default=1, show_default=True, metavar="PERCENT",
              help="Roll back if more of the new instances' answers are 5xx, in a minute.")  # fmt: skip
@click.option("--max-errors", type=click.FloatRange(0, 100), default=5, show_default=True, metavar="PERCENT",
              help="Roll back if more requests get no answer or one that is not 2xx, in a minute.")  # fmt: skip
@click.option("--max-p95", type=click.FloatRange(0, min_open=True), default=1000, show_default=True, metavar="MS",
              help="Roll back if the 95th percentile of the model's latency is longer.")  # fmt: skip
@click.option("--check/--no-check", default=True, show_default=True, help="Check a new image that Docker has here.")
@click.option("--yes", is_flag=True, envvar="YES", help="Start without asking for confirmation; also YES=1.")
def main(
    *,
    name: str,
    max_5xx: float,
    max_errors: float,
    max_p95: float,
    check: bool,
    yes: bool,
    canary: int | None,
    linear: int | None,
    rolling: int | None,
    bake: int | None,
    **options: Any,
) -> None:
    """Update ENDPOINT without downtime; what no option names stays as it is.

    SageMaker starts new instances, shifts the traffic to them, and back if an alarm trips. Exit code 1 if the endpoint
    does not have the new configuration in the end.
    """
    shift = strategy.Strategy.parse(canary=canary, linear=linear, rolling=rolling, bake=bake)
    account = session.connect()
    client = account.boto.client("sagemaker")
    with session.readable_errors("sagemaker"):
        description = fleet.describe(client, name)
        fleet.require_idle(description)
        now = fleet.running(client, description)
        then, lineage = choice.wanted(account.boto, name, now, choice.Choice(**options))
        tags = fleet.tags(client, now.arn)
    if not (changes := change.differences(now, then)):
        raise Failure(f"{name} has this image, model, instance type and count already: nothing to update")
    shift.require_fits(then.instance_count, has_shadow="ShadowProductionVariants" in now.configuration)
    ecr.require_same_region(then.image, account.region)
    for each in then.instance_types:
        ecr.require_processor(account, then.image, each)
    configuration = change.name_for(name, f"{datetime.now(UTC):%Y%m%d%H%M%S}")
    requests = change.requests(now, then, configuration, tags, lineage)
    update: dict[str, Any] = {"EndpointName": name, "EndpointConfigName": configuration}
    if then.instance_type:
        limits = alarms.Limits(max_5xx, max_errors, max_p95)
        with session.readable_errors("cloudwatch"):
            stale = alarms.states(account.boto, name)
        requests += alarms.requests(name, now.variant["VariantName"], configuration, limits, stale)
        update["DeploymentConfig"] = shift.request(list(alarms.names(name).values()))
    requests.append(Request("sagemaker", "update_endpoint", update))
    change.print_table(name, now, then)
    result(endpoint=name, configuration=configuration, previous=now.name, changes=changes)
    click.echo(f"traffic: {shift}" if then.instance_type else "traffic: all at once, without alarms")
    if check and "image" in changes and not dry_run.is_on():
        image_check.run(account.boto, then)
    if then.instance_type:
        costs.confirm(rollout.bill(now, then), account.region, yes=yes)
    else:
        costs.confirm_serverless(now.variant["ServerlessConfig"]["MemorySizeInMB"], yes=yes)
    with session.readable_errors("sagemaker", f"see what {name} runs now: python -m scripts.status {name}"):
        rollout.run(account.boto, name, requests)
        made = fleet.tags(client, fleet.configured(client, configuration).arn)
        rollout.retag(account.boto, description["EndpointArn"], made)
    result(status="InService")
    click.echo(f"in service with {configuration}; back to {now.name}: python -m scripts.rollback {name}")


if __name__ == "__main__":
    main()
