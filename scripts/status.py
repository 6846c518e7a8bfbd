"""The command that shows what an endpoint runs and what it is doing.

endpoint -> its description, configuration, model, alarms, expiry -> lines, or a JSON object
"""

import click

from scripts.aws import session
from scripts.billing import expiry
from scripts.errors import Failure
from scripts.options import Command, result
from scripts.resources import endpoint
from scripts.resources.updates import alarms, fleet, progress


@click.command(
    cls=Command,
    epilog="""\b
    Examples:
      python -m scripts.status traffic-signs-2026-11-23-12-00-00
      python -m scripts.status --follow NAME
      python -m scripts.status --json NAME
    """,
)
@click.argument("name", metavar="ENDPOINT")
@click.option("--follow", is_flag=True, help="Wait for the end of an update, and print its stages.")
def main(*, name: str, follow: bool) -> None:
    """Show what ENDPOINT runs; during an update, with the share of the traffic on the new instances.

    Exit code 1 if the endpoint has failed, runs a mix of configurations or is out of service.
    """
    account = session.connect()
    client = account.boto.client("sagemaker")
    with session.readable_errors("sagemaker"):
        description = fleet.describe(client, name)
        if follow:
            description = progress.follow(client, name)
        now = fleet.running(client, description)
        before = fleet.previous(client, now)
    with session.readable_errors("cloudwatch"):
        watched = alarms.states(account.boto, name)
    try:
        with session.readable_errors("scheduler"):
            ends = expiry.describe(account, name)
    except Failure as error:  # exit code 1 would say that the endpoint has failed
        ends = f"unknown: {error.message}"
    status = description["EndpointStatus"]
    rows = {
        "endpoint": name,
        "status": progress.describe(description),
        "reason": description.get("FailureReason", ""),
        "image": now.image,
        "digest": now.digest,
        "model": now.model_data,
        "instances": f"{now.instance_count} x {now.hosts}" if now.instance_type else now.hosts,
        "configuration": now.name,
        "previous": before,
        "expiry": ends,
        "changed": description["LastModifiedTime"].isoformat(timespec="seconds"),
    }
    document = {key: value or None for key, value in rows.items()} | {"status": status}
    result(**document, doing=rows["status"], alarms=watched)
    for key, value in (*rows.items(), *((f"alarm {key}", value) for key, value in watched.items())):
        if value:
            click.echo(f"{key:<14} {value}")
    raise SystemExit(status not in ("InService", "Deleting", *endpoint.IN_PROGRESS))


if __name__ == "__main__":
    main()
