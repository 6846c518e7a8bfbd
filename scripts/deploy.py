"""The command that puts a trained model behind an endpoint.

results/training-job.json or s3:// -> options that fit together -> cost line -> endpoint.deploy -> autoscaling
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from scripts import delete_endpoint
from scripts.aws import costs, ecr, s3_inputs, session
from scripts.aws.session import PREFIX
from scripts.errors import Failure
from scripts.resources import autoscaling, endpoint, model_source

_SERVERLESS_MB = (1024, 2048, 3072, 4096, 5120, 6144)
_DEFAULT_MB, _DEFAULT_INVOCATIONS = 3072, 6000
_NEEDS = (("capture_to", "capture"), ("memory_mb", "serverless"), ("invocations", "autoscale"))
"""Options that would be ignored without another one."""
_APART = (
    # SageMaker's own list of what serverless endpoints lack
    *(("serverless", other) for other in ("async_output", "multi_model", "isolated", "capture", "autoscale")),
    # one of the kinds that shadow variants are for: real-time endpoints with one model a variant
    *(("shadow_model", other) for other in ("serverless", "async_output", "multi_model", "autoscale")),
    # queued requests wait for an instance, however few they are a minute; the SDK makes no such endpoint
    *(("async_output", other) for other in ("autoscale", "multi_model")),
)
_ARM = re.compile(r"ml\.([a-z]+\d+g[a-z]*\.|p6e-gb)")
"""Graviton and Grace. An endpoint on them fails after half an hour, with "exec format error" in its log."""


@click.command(
    epilog="""\b
    Examples:
      python -m scripts.deploy
      python -m scripts.deploy --instance-type ml.g4dn.xlarge --endpoint-name traffic-signs-gpu
      python -m scripts.deploy --job traffic-signs-2026-11-23-12-00-00-000 --image URI --role ARN --serverless
      python -m scripts.deploy --async-output s3://sagemaker-us-east-1-111122223333/traffic-signs/answers
      python -m scripts.deploy --multi-model s3://sagemaker-us-east-1-111122223333/traffic-signs/models/
      python -m scripts.deploy --autoscale 1:4 --capture 20
      python -m scripts.deploy --shadow-model s3://sagemaker-us-east-1-111122223333/traffic-signs/next/model.tar.gz
      python -m scripts.deploy --isolated
    """
)
@model_source.options
@click.option("--instance-type", default="ml.c5.large", show_default=True)
@click.option("--instance-count", type=click.IntRange(1), default=1, show_default=True)
@click.option("--serverless", is_flag=True, help="Billed by request, without instances; no GPU.")
@click.option("--memory-mb", type=click.Choice(_SERVERLESS_MB), show_default=str(_DEFAULT_MB), help="Serverless only.")
@click.option("--async-output", metavar="S3_URI", help="Asynchronous endpoint, whose answers go to this folder.")
@click.option("--multi-model", metavar="S3_URI", help="All models in this folder; a request names its own.")
@click.option("--autoscale", metavar="MIN:MAX", help="Instances by load, from MIN; see --invocations.")
@click.option("--invocations", type=click.FloatRange(1), show_default=str(_DEFAULT_INVOCATIONS),
              help="With --autoscale: requests a minute that an instance is to get.")  # fmt: skip
@click.option("--capture", type=click.IntRange(1, 100), metavar="PERCENT",
              help="Keep so many of the requests and answers in S3; JSON and CSV as text.")  # fmt: skip
@click.option("--capture-to", metavar="S3_URI",
              help="Where; default: traffic-signs/captures/ENDPOINT in SageMaker's bucket.")  # fmt: skip
@click.option("--shadow-model", metavar="S3_URI",
              help="A model.tar.gz that gets a copy of all requests; its answers are dropped.")  # fmt: skip
@click.option("--isolated", is_flag=True, help="No network in the container, not even to S3.")
@click.option("--endpoint-name", help="Default: traffic-signs and the time.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Any number of times.")
@click.option("--yes", is_flag=True, envvar="YES", help="Do not ask whether it may cost money; YES=1 says the same.")
def main(
    *,
    instance_type: str,
    instance_count: int,
    serverless: bool,
    memory_mb: int | None,
    async_output: str | None,
    multi_model: str | None,
    autoscale: str | None,
    invocations: float | None,
    capture: int | None,
    capture_to: str | None,
    shadow_model: str | None,
    isolated: bool,
    endpoint_name: str | None,
    tags: tuple[str, ...],
    yes: bool,
    **which: Any,
) -> None:
    """Put a trained model behind an endpoint; exit code 1 if it does not come into service."""
    kinds = {
        "serverless": serverless, "async_output": async_output, "multi_model": multi_model, "isolated": isolated,
        "capture": capture, "autoscale": autoscale, "shadow_model": shadow_model,
    }  # fmt: skip
    _check({**kinds, "capture_to": capture_to, "memory_mb": memory_mb, "invocations": invocations}, instance_type)
    # AWS appends a model's file to it as it is
    multi_model = multi_model and f"{multi_model.rstrip('/')}/"
    scale = autoscaling.Scale.of(autoscale, invocations or _DEFAULT_INVOCATIONS) if autoscale else None
    memory_mb = memory_mb or _DEFAULT_MB
    own_tags = session.pairs(tags)
    session.need_sdk(2)
    account = session.connect()
    if multi_model and which["image"] and which["role"]:
        which["model_data"] = multi_model  # nothing is left to look up
    name = endpoint_name or f"{PREFIX}-{datetime.now(UTC):%Y-%m-%d-%H-%M-%S}"
    removal = f"python -m scripts.delete_endpoint {name}"
    client = account.boto.client("sagemaker")
    with session.clear_errors("sagemaker"):
        model = model_source.find(client, **which)
        # a model of that name would be taken by the SDK for the one that it was to make
        if endpoint_name and delete_endpoint.taken(client, name):
            raise Failure(f"there is an endpoint, configuration or model {name}: choose another name, or {removal}")
    ecr.same_region(model.image, account.region)
    count = scale.least if scale else instance_count
    if serverless:
        costs.confirm_serverless(memory_mb, yes=yes)
    else:
        machines = costs.Bill(
            instance_type,
            2 * count if shadow_model else count,
            most=scale.most if scale else None,
            also=f" and S3 storage for {capture} % of the requests" if capture else "",
        )
        costs.confirm(machines, account.region, yes=yes)
    plan = endpoint.Plan(
        image=model.image,
        role=model.role,
        model_data=multi_model or model.model_data,
        name=name,
        instance_type=instance_type,
        instance_count=count,
        serverless_mb=memory_mb if serverless else None,
        async_output=async_output,
        multi_model=bool(multi_model),
        isolated=isolated,
        capture_percent=capture,
        capture_to=capture_to or f"s3://{s3_inputs.default_bucket(account)}/{PREFIX}/captures/{name}",
        shadow_model=shadow_model,
        tags=own_tags,
    )
    click.echo(f"endpoint: {name}   remove it: {removal}")
    # whatever ends it on the way, something may have been made, and a login may expire before it is in service
    with session.clear_errors(then=f"remove what there is of it, which may bill: {removal}"):
        endpoint.deploy(session.sdk(account), plan)
    if scale:
        with session.clear_errors("application-autoscaling", f"it is in service without it; remove it: {removal}"):
            autoscaling.start(account.boto, name, scale)
        click.echo(
            f"instances: {scale.least} to {scale.most}, so that each gets {scale.invocations:g} requests a minute"
        )
    if capture:
        click.echo(f"captured requests, which S3 bills and delete-endpoint keeps: {plan.capture_to}")
    target = " --target-model FILE.tar.gz" if multi_model else ""
    click.echo(f"in service: python -m scripts.invoke --endpoint {name}{target} IMAGES")


def _check(kinds: Mapping[str, Any], instance_type: str) -> None:
    """Refuse what SageMaker would, and what would be ignored, before anything is made."""
    for one, other in _APART:
        if kinds[one] and kinds[other]:
            raise Failure(f"{_option(one)} and {_option(other)} exclude each other: choose one")
    for one, other in _NEEDS:
        if kinds[one] and not kinds[other]:
            raise Failure(f"{_option(one)} is for {_option(other)}: add that, or leave it out")
    if kinds["multi_model"] and endpoint.has_gpu(instance_type):
        raise Failure(f"--multi-model on {instance_type}: models share CPUs only; choose another --instance-type")
    if not kinds["serverless"] and _ARM.match(instance_type):
        raise Failure(f"--instance-type {instance_type}: Arm processors, the image is for linux/amd64; choose another")
    for name in ("async_output", "multi_model", "capture_to", "shadow_model"):
        if kinds[name] and not kinds[name].startswith("s3://"):
            raise Failure(f"{_option(name)} {kinds[name]}: expected s3://BUCKET/FOLDER")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


if __name__ == "__main__":
    main()
