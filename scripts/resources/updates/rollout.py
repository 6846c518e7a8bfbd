"""Execution of an update or a rollback: requests, waiting, result, and removal of what is of no use any more.

requests -> UpdateEndpoint -> progress -> in service with the new configuration, or what happened instead
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import click

from scripts.aws import costs, session
from scripts.errors import Failure, Interrupted, OperationError, errors_of_aws, is_missing
from scripts.resources.updates import alarms, fleet, progress
from scripts.resources.updates.change import LINEAGE
from scripts.resources.updates.fleet import Fleet
from scripts.resources.updates.request import Request


def bill(now: Fleet, then: Fleet) -> costs.Bill:
    """Return what is billed after the update of *now* to *then*, and besides while it runs."""
    extras = f" and, while the update runs, up to {now.instance_count} x {now.hosts} besides"
    shadows = [
        f", and its shadow, {shadow['InitialInstanceCount']} x {shadow.get('InstanceType', then.hosts)}"
        for shadow in then.configuration.get("ShadowProductionVariants", [])
    ]
    extras = "".join(shadows) + extras
    return costs.Bill(then.hosts, then.instance_count, duration="as long as the endpoint is there", extras=extras)


def run(boto: Any, name: str, requests: Sequence[Request]) -> None:
    """Send the *requests*, of which the last is UpdateEndpoint, and wait until the endpoint *name* has what that asks.

    Raises:
        Failure: AWS refused a request; what the earlier ones created is deleted.
        Interrupted: Ctrl-C; the message says what goes on.
        OperationError: the endpoint was rolled back, or failed.
    """
    from botocore.exceptions import ClientError, ParamValidationError

    *preparation, update = requests
    configuration = update.parameters["EndpointConfigName"]
    sent: list[Request] = []
    try:
        for request in preparation:
            sent.append(request)
            with session.readable_errors(request.service):
                request.send(boto)
    except BaseException as error:  # Ctrl-C too: nothing uses it yet
        if isinstance(error.__cause__, ClientError):  # refused, perhaps because another update made what has this name
            sent.pop()
        _discard(boto, name, sent)
        if isinstance(error, (KeyboardInterrupt, Interrupted)):
            raise Interrupted(f"interrupted; {name} is as before, and nothing is left of the update") from None
        raise
    follow = f"SageMaker may be updating {name}: see python -m scripts.status {name}"
    try:
        with session.readable_errors("sagemaker"):
            update.send(boto)
    except (KeyboardInterrupt, Interrupted):
        raise Interrupted(f"interrupted; {follow}") from None
    except Failure as error:
        if not isinstance(
            error.__cause__, (ClientError, ParamValidationError)
        ):  # the answer is lost, perhaps not the request
            raise Failure(f"{error.message}; {follow}") from error
        _discard(boto, name, preparation)
        raise
    click.echo(f"updating {name} to {configuration}; Ctrl-C stops this command, not the update")
    with session.readable_errors("sagemaker", next_step=follow):
        description = progress.follow(boto.client("sagemaker"), name)
    if description["EndpointStatus"] == "InService" and description["EndpointConfigName"] == configuration:
        _discard(boto, name, [])
        return
    message = _failure(boto, description, configuration)
    if description["EndpointStatus"] == "InService":
        _discard(boto, name, preparation)
    raise OperationError(message)


def retag(boto: Any, arn: str, tags: Mapping[str, str]) -> None:
    """Give the endpoint *arn* the lineage in the *tags* of its configuration, in place of the earlier model's.

    Raises:
        OperationError: AWS refuses a call.
    """
    client = boto.client("sagemaker")
    with session.readable_errors("sagemaker", "the endpoint is in service; its tags are those of the model before"):
        old = fleet.tags(client, arn)
        new = {key: tags[key] for key in LINEAGE if key in tags}
        if stale := [key for key in LINEAGE if key in old and key not in new]:
            client.delete_tags(ResourceArn=arn, TagKeys=stale)
        if {key: old.get(key) for key in new} != new:
            client.add_tags(ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in new.items()])


def _failure(boto: Any, description: dict[str, Any], configuration: str) -> str:
    """Return the message for an endpoint that does not have *configuration* after its update."""
    from scripts.diagnosis import cloud, knowledge, report

    name, status = description["EndpointName"], description["EndpointStatus"]
    reasons = [description["FailureReason"]] if description.get("FailureReason") else []
    with contextlib.suppress(*errors_of_aws()):
        reasons += alarms.tripped(boto, name)
    why = "; ".join(reasons) or "SageMaker gives no reason"
    left = {
        "InService": f"{name} is in service as before the update",
        "UpdateRollbackFailed": f"then repair it: python -m scripts.rollback --to CONFIGURATION {name}",
    }
    titles = {
        "InService": f"SageMaker rolled {name} back to {description['EndpointConfigName']}: {why}",
        "UpdateRollbackFailed": f"{name} is in service with a mix of old and new configuration: {why}",
    }
    title = titles.get(status, f"{name} is {status} after the update to {configuration}: {why}")
    next_step = left.get(status, f"then delete it: python -m scripts.delete_endpoint {name}")
    evidence = cloud.collect(boto, name, "endpoint")
    return report.failed(title, evidence, knowledge.diagnose(evidence), next_step)


def _discard(boto: Any, name: str, created: Sequence[Request]) -> None:
    """Delete the alarms, which have done their work, and what *created* made for an update that is not in service."""
    from botocore.exceptions import ClientError

    client = boto.client("sagemaker")
    calls: list[Callable[[], Any]] = [partial(alarms.delete, boto, name)]
    for request in reversed(created):
        parameters = request.parameters
        if request.operation == "create_endpoint_config":
            calls.append(partial(client.delete_endpoint_config, EndpointConfigName=parameters["EndpointConfigName"]))
        if request.operation == "create_model":
            calls.append(partial(client.delete_model, ModelName=parameters["ModelName"]))
    for call in calls:
        try:
            call()
        except ClientError as error:
            if not is_missing(error):  # created by a request that failed
                text = error.response["Error"].get("Message", "")
                click.echo(f"not deleted: {error.operation_name}: {text}", err=True)
