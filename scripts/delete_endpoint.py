"""The command that deletes an endpoint: autoscaling, endpoint, configuration, models, schedule of its expiry.

It can be repeated: parts that do not exist are no error.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import click
from botocore.exceptions import ClientError

from scripts.aws import session, waiting
from scripts.billing import expiry
from scripts.resources import autoscaling, endpoint


@click.command(
    epilog="""\b
    Example:
      python -m scripts.delete_endpoint traffic-signs-2026-11-23-12-00-00
    """
)
@click.argument("name")
def main(name: str) -> None:
    """Delete the endpoint NAME with its autoscaling, configuration, models and expiry; billing stops."""
    remove(session.connect(), name)


def remove(account: session.Account, name: str) -> None:
    """Delete the endpoint *name* and all that deploy made for it.

    Raises:
        Failure: AWS refuses a call; what is left may bill.
    """
    next_step = f"what is left of {name} may bill: run this command again"
    with session.readable_errors("application-autoscaling", next_step):
        if autoscaling.stop(account.boto, name):
            click.echo(f"autoscaling of {name}: deleted")
    with session.readable_errors("sagemaker", next_step):
        delete(account.boto.client("sagemaker"), name)
    # last, so that what could not be deleted still expires
    with session.readable_errors(
        "scheduler", f"the schedule deletes any later endpoint {name}: run this command again"
    ):
        if expiry.stop(account.boto, name):
            click.echo(f"expiry of {name}: deleted")


def delete(client: Any, name: str) -> None:
    """Delete the endpoint *name*, wait until it is gone, then delete its configuration and models.

    First wait until the endpoint is neither being created nor updated, because AWS refuses to delete it before ("Cannot
    update in-progress endpoint").

    Raises:
        botocore.exceptions.ClientError: any error other than that a part does not exist.
    """
    describe = partial(client.describe_endpoint, EndpointName=name)
    wait = partial(waiting.wait_until_final, name, describe, "EndpointStatus")
    found = _none_if_missing(lambda: wait(endpoint.IN_PROGRESS)) or {}
    # deploy gives all three the same name, so the parts can be found without the endpoint
    configuration = found.get("EndpointConfigName", name)
    described = _none_if_missing(lambda: client.describe_endpoint_config(EndpointConfigName=configuration)) or {}
    variants = [*described.get("ProductionVariants", []), *described.get("ShadowProductionVariants", [])]
    models = [variant["ModelName"] for variant in variants] or [name]
    if found.get("EndpointStatus") != "Deleting":
        _none_if_missing(lambda: client.delete_endpoint(EndpointName=name))
    _none_if_missing(lambda: wait(["Deleting"]))
    click.echo(f"endpoint {name}: {'deleted' if found else 'does not exist'}")
    _delete_part(
        f"configuration {configuration}", lambda: client.delete_endpoint_config(EndpointConfigName=configuration)
    )
    for model in models:
        _delete_part(f"model {model}", partial(client.delete_model, ModelName=model))


def name_exists(client: Any, name: str) -> bool:
    """Return whether there is an endpoint, a configuration or a model called *name*."""
    calls = (
        partial(client.describe_endpoint, EndpointName=name),
        partial(client.describe_endpoint_config, EndpointConfigName=name),
        partial(client.describe_model, ModelName=name),
    )
    return any(_none_if_missing(call) is not None for call in calls)


def _delete_part(part: str, call: Callable[[], Any]) -> None:
    click.echo(f"{part}: {'does not exist' if _none_if_missing(call) is None else 'deleted'}")


def _none_if_missing(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except ClientError as error:
        if "could not find" in error.response["Error"].get("Message", "").lower():
            return None
        raise


if __name__ == "__main__":
    main()
