"""The command that deletes an endpoint: autoscaling, alarms, endpoint, configurations of all updates, models, expiry.

It can be repeated: parts that do not exist are no error.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import click

from scripts import dry_run
from scripts.aws import session, waiting
from scripts.billing import expiry
from scripts.errors import is_missing
from scripts.options import Command, result
from scripts.resources import autoscaling, endpoint
from scripts.resources.updates import alarms, change


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Example:
      python -m scripts.delete_endpoint traffic-signs-2026-11-23-12-00-00
    """,
)
@click.argument("name")
def main(name: str) -> None:
    """Delete the endpoint NAME with its autoscaling, alarms, configurations, models and expiry; billing stops."""
    account = session.connect()
    result(endpoint=name)
    remove(account, name)


def remove(account: session.Account, name: str) -> None:
    """Delete the endpoint *name* and all that deploy and update made for it.

    Raises:
        OperationError: AWS refuses a call; what is left may bill.
    """
    next_step = f"what is left of {name} may bill: run this command again"
    with session.readable_errors("application-autoscaling", next_step):
        if autoscaling.stop(account.boto, name):
            _tell(f"autoscaling of {name}", existed=True)
    with session.readable_errors("sagemaker", next_step):
        delete(account.boto.client("sagemaker"), name)
    with session.readable_errors("cloudwatch", next_step):
        alarms.delete(account.boto, name)
    # last, so that what could not be deleted still expires
    with session.readable_errors(
        "scheduler", f"the schedule deletes any later endpoint {name}: run this command again"
    ):
        if expiry.stop(account.boto, name):
            _tell(f"expiry of {name}", existed=True)


def delete(client: Any, name: str) -> None:
    """Delete the endpoint *name*, wait until it is gone, then its configurations, of updates too, and models.

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
    configurations = [configuration, *change.others(client, name, configuration)]
    models = list(dict.fromkeys(model for each in configurations for model in _models(client, each))) or [name]
    # sent if it was not found, too: it may be there by now
    if found.get("EndpointStatus") != "Deleting" and (found or not dry_run.is_on()):
        _none_if_missing(lambda: client.delete_endpoint(EndpointName=name))
    _none_if_missing(lambda: wait(["Deleting"]))
    _tell(f"endpoint {name}", existed=bool(found))
    for each in configurations:
        _delete_part(
            f"configuration {each}",
            partial(client.delete_endpoint_config, EndpointConfigName=each),
            partial(client.describe_endpoint_config, EndpointConfigName=each),
        )
    for model in models:
        _delete_part(
            f"model {model}",
            partial(client.delete_model, ModelName=model),
            partial(client.describe_model, ModelName=model),
        )


def _models(client: Any, configuration: str) -> list[str]:
    described = _none_if_missing(lambda: client.describe_endpoint_config(EndpointConfigName=configuration)) or {}
    variants = [*described.get("ProductionVariants", []), *described.get("ShadowProductionVariants", [])]
    return [variant["ModelName"] for variant in variants]


def name_exists(client: Any, name: str) -> bool:
    """Return whether there is an endpoint, a configuration or a model called *name*."""
    calls = (
        partial(client.describe_endpoint, EndpointName=name),
        partial(client.describe_endpoint_config, EndpointConfigName=name),
        partial(client.describe_model, ModelName=name),
    )
    return any(_none_if_missing(call) is not None for call in calls)


def _delete_part(part: str, call: Callable[[], Any], describe: Callable[[], Any]) -> None:
    # a dry run would not learn from the deletion whether there is such a part
    calls = (describe, call) if dry_run.is_on() else (call,)
    _tell(part, existed=all(_none_if_missing(each) is not None for each in calls))


def _tell(part: str, *, existed: bool) -> None:
    state = "does not exist" if not existed else "would be deleted" if dry_run.is_on() else "deleted"
    result().setdefault("parts", {})[part] = state
    click.echo(f"{part}: {state}")


def _none_if_missing(call: Callable[[], Any]) -> Any:
    from botocore.exceptions import ClientError

    try:
        return call()
    except ClientError as error:
        if is_missing(error):
            return None
        raise


if __name__ == "__main__":
    main()
