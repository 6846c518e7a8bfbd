"""The command that gives an endpoint the configuration back that it had before an update.

endpoint -> tag of its configuration -> the one before -> what changes -> cost confirmation -> all traffic at once
"""

from dataclasses import replace
from typing import Any

import click

from scripts.aws import costs, session
from scripts.errors import Failure
from scripts.options import Command, result
from scripts.resources.updates import change, fleet, rollout
from scripts.resources.updates.request import Request


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Examples:
      python -m scripts.rollback traffic-signs-2026-11-23-12-00-00
      python -m scripts.rollback --to traffic-signs-2026-11-23-12-00-00-u20261124120000 NAME
    """,
)
@click.argument("name", metavar="ENDPOINT")
@click.option("--to", metavar="CONFIGURATION", help="Another configuration than the one before.")
@click.option("--yes", is_flag=True, envvar="YES", help="Start without asking for confirmation; also YES=1.")
def main(*, name: str, to: str | None, yes: bool) -> None:
    """Give ENDPOINT the configuration back that it had before its last update; twice: two updates.

    All traffic moves at once, and no alarm is set. Exit code 1 if the endpoint does not have the configuration in the
    end.
    """
    account = session.connect()
    client = account.boto.client("sagemaker")
    with session.readable_errors("sagemaker"):
        description = fleet.describe(client, name)
        fleet.require_idle(description)
        mixed = description["EndpointStatus"] == "UpdateRollbackFailed"
        now = fleet.running(client, description)
        before = fleet.previous(client, now)
        if mixed and not to:
            raise Failure(
                f"{name} runs a mix of configurations: say which it shall have, --to {now.name}"
                + (f" or --to {before}" if before else "")
            )
        target = to or before
        if not target:
            raise Failure(f"{name} had no configuration before {now.name}, or not by update: name one with --to")
        if target == now.name and not mixed:
            raise Failure(f"{name} has the configuration {target} already: nothing to roll back")
        then = fleet.configured(client, target)
    update: dict[str, Any] = {"EndpointName": name, "EndpointConfigName": target}
    if now.instance_count != now.variant.get("InitialInstanceCount", 0):  # autoscaling chose it for the load
        then = replace(then, instance_count=now.instance_count)
        others = [{"VariantPropertyType": kind} for kind in ("DesiredWeight", "DataCaptureConfig")]
        update |= {"RetainAllVariantProperties": True, "ExcludeRetainedVariantProperties": others}
    change.print_table(name, now, then)
    result(endpoint=name, configuration=target, previous=now.name, changes=change.differences(now, then))
    if then.instance_type:
        costs.confirm(rollout.bill(now, then), account.region, yes=yes)
    else:
        costs.confirm_serverless(then.variant["ServerlessConfig"]["MemorySizeInMB"], yes=yes)
    with session.readable_errors("sagemaker", f"see what {name} runs now: python -m scripts.status {name}"):
        rollout.run(account.boto, name, [Request("sagemaker", "update_endpoint", update)])
        rollout.retag(account.boto, description["EndpointArn"], fleet.tags(client, then.arn))
    result(status="InService")
    click.echo(f"in service with {target}; forward again: python -m scripts.rollback --to {now.name} {name}")


if __name__ == "__main__":
    main()
