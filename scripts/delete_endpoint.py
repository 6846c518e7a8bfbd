"""Take an endpoint away: autoscaling, endpoint, configuration, models; what is gone already is no error."""

from collections.abc import Callable
from functools import partial
from typing import Any

import click
from botocore.exceptions import ClientError

from scripts import autoscaling, session


@click.command(
    epilog="""\b
    Example:
      python -m scripts.delete_endpoint traffic-signs-2026-11-23-12-00-00
    """
)
@click.argument("name")
def main(name: str) -> None:
    """Remove the endpoint NAME with its autoscaling, configuration and models; it stops billing."""
    account = session.connect()
    with session.clear_errors("application-autoscaling"):
        if autoscaling.stop(account.boto, name):
            click.echo(f"autoscaling of {name}: removed")
    with session.clear_errors():
        delete(account.boto.client("sagemaker"), name)


def delete(client: Any, name: str) -> None:
    """Remove the endpoint *name* and what it was made of.

    Raises:
        botocore.exceptions.ClientError: anything but that it is gone.
    """
    endpoint = _unless_gone(lambda: client.describe_endpoint(EndpointName=name)) or {}
    # deploy gives all three the same name, so parts are found without the endpoint
    configuration = endpoint.get("EndpointConfigName", name)
    described = _unless_gone(lambda: client.describe_endpoint_config(EndpointConfigName=configuration)) or {}
    variants = [*described.get("ProductionVariants", []), *described.get("ShadowProductionVariants", [])]
    models = [variant["ModelName"] for variant in variants] or [name]
    _remove(f"endpoint {name}", lambda: client.delete_endpoint(EndpointName=name))
    _remove(f"configuration {configuration}", lambda: client.delete_endpoint_config(EndpointConfigName=configuration))
    for model in models:
        _remove(f"model {model}", partial(client.delete_model, ModelName=model))


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
