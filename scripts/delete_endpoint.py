"""Take an endpoint away: autoscaling, endpoint, configuration, models; what is gone already is no error."""

from collections.abc import Callable
from functools import partial
from typing import Any

import click
from botocore.exceptions import ClientError

from scripts.aws import session, waiting
from scripts.resources import autoscaling, endpoint


@click.command(
    epilog="""\b
    Example:
      python -m scripts.delete_endpoint traffic-signs-2026-11-23-12-00-00
    """
)
@click.argument("name")
def main(name: str) -> None:
    """Remove the endpoint NAME with its autoscaling, configuration and models; it stops billing."""
    again = f"what is left of {name} may bill: run this again"
    account = session.connect()
    with session.clear_errors("application-autoscaling", again):
        if autoscaling.stop(account.boto, name):
            click.echo(f"autoscaling of {name}: removed")
    with session.clear_errors("sagemaker", again):
        delete(account.boto.client("sagemaker"), name)


def delete(client: Any, name: str) -> None:
    """Remove the endpoint *name*, wait until it is gone, and remove what it was made of.

    An endpoint that is still being made or changed is waited for, because AWS refuses to delete it ("Cannot update
    in-progress endpoint").

    Raises:
        botocore.exceptions.ClientError: anything but that it is gone.
    """
    describe = partial(client.describe_endpoint, EndpointName=name)
    settled = partial(waiting.settled, name, describe, "EndpointStatus")
    found = _unless_gone(lambda: settled(endpoint.UNDER_WAY)) or {}
    # deploy gives all three the same name, so parts are found without the endpoint
    configuration = found.get("EndpointConfigName", name)
    described = _unless_gone(lambda: client.describe_endpoint_config(EndpointConfigName=configuration)) or {}
    variants = [*described.get("ProductionVariants", []), *described.get("ShadowProductionVariants", [])]
    models = [variant["ModelName"] for variant in variants] or [name]
    if found.get("EndpointStatus") != "Deleting":
        _unless_gone(lambda: client.delete_endpoint(EndpointName=name))
    _unless_gone(lambda: settled(["Deleting"]))
    click.echo(f"endpoint {name}: {'removed' if found else 'gone already'}")
    _remove(f"configuration {configuration}", lambda: client.delete_endpoint_config(EndpointConfigName=configuration))
    for model in models:
        _remove(f"model {model}", partial(client.delete_model, ModelName=model))


def taken(client: Any, name: str) -> bool:
    """Say whether there is an endpoint, a configuration or a model called *name*."""
    calls = (
        partial(client.describe_endpoint, EndpointName=name),
        partial(client.describe_endpoint_config, EndpointConfigName=name),
        partial(client.describe_model, ModelName=name),
    )
    return any(_unless_gone(call) is not None for call in calls)


def _remove(what: str, call: Callable[[], Any]) -> None:
    click.echo(f"{what}: {'gone already' if _unless_gone(call) is None else 'removed'}")


def _unless_gone(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ClientError as error:
        if "could not find" in error.response["Error"].get("Message", "").lower():
            return None
        raise


if __name__ == "__main__":
    main()
