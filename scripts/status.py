"""The command that shows what an endpoint runs and what it is doing.

endpoint -> its description, configuration, model, alarms -> lines, or a JSON object
"""

import contextlib
import json
import sys

import click


@click.command(
    epilog="""\b
    Examples:
      python -m scripts.status traffic-signs-2026-11-23-12-00-00
      python -m scripts.status --follow NAME
      python -m scripts.status --json NAME
    """
)
@click.argument("name", metavar="ENDPOINT")
@click.option("--follow", is_flag=True, help="Wait for the end of an update, and print its stages.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def main(*, name: str, follow: bool, as_json: bool) -> None:
    """Show what ENDPOINT runs; during an update, with the share of the traffic on the new instances.

    Exit code 1 if the endpoint has failed, runs a mix of configurations or is out of service.
    """
    # slow, and not needed for --help
    from scripts.aws import session
    from scripts.resources import endpoint
    from scripts.resources.updates import alarms, fleet, progress

    with contextlib.redirect_stdout(sys.stderr if as_json else sys.stdout):
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
    size = f"{now.instance_count} x {now.instance_type}" if now.instance_type else "serverless"
    rows = {
        "endpoint": name,
        "status": progress.describe(description),
        "reason": description.get("FailureReason", ""),
        "image": now.image,
        "digest": now.digest,
        "model": now.model_data,
        "instances": size,
        "configuration": now.name,
        "previous": before,
        "changed": description["LastModifiedTime"].isoformat(timespec="seconds"),
    }
    if as_json:
        click.echo(json.dumps({**rows, "status": description["EndpointStatus"], "alarms": watched}))
    else:
        for key, value in (*rows.items(), *((f"alarm {key}", value) for key, value in watched.items())):
            if value:
                click.echo(f"{key:<14} {value}")
    raise SystemExit(description["EndpointStatus"] not in ("InService", "Deleting", *endpoint.IN_PROGRESS))


if __name__ == "__main__":
    main()
