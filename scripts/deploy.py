"""The command that deploys a trained model to an endpoint.

results/training-job.json or s3:// -> check of the options -> cost confirmation -> endpoint.deploy -> autoscaling
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from scripts import delete_endpoint, dry_run, update
from scripts.aws import costs, ecr, s3_inputs, session
from scripts.aws.session import PREFIX
from scripts.billing import expiry
from scripts.errors import Failure
from scripts.options import result
from scripts.resources import autoscaling, endpoint, hosting, model_source

_SERVERLESS_MB = (1024, 2048, 3072, 4096, 5120, 6144)
_DEFAULT_MB, _DEFAULT_INVOCATIONS = 3072, 6000
_REQUIRES = (("capture_to", "capture"), ("memory_mb", "serverless"), ("invocations", "autoscale"))
"""Options that would have no effect without another one."""
_EXCLUDES = (
    # SageMaker documents that serverless endpoints lack these
    *(("serverless", other) for other in ("async_output", "multi_model", "isolated", "capture", "autoscale")),
    # shadow variants need real-time endpoints with one model per variant
    *(("shadow_model", other) for other in ("serverless", "async_output", "multi_model", "autoscale")),
    ("multi_model", "approved"),
    # queued requests wait for an instance, however few arrive per minute; the SDK has no asynchronous multi-model
    *(("async_output", other) for other in ("autoscale", "multi_model")),
    *(("serverless", other) for other in hosting.NEED_INSTANCES),
    ("multi_model", "fallback_type"),  # SageMaker documents instance pools for single models
)


@click.command(
    cls=update.DeployOrUpdate,
    changes_aws=True,
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
      python -m scripts.deploy --update traffic-signs-2026-11-23-12-00-00 --canary 25
      python -m scripts.deploy --expires 2h
    """,
)
@model_source.options
@expiry.options
@hosting.options
@click.option("--instance-type", default="ml.c5.large", show_default=True,
              help="Graviton, such as ml.c7g.large, gets the image that was pushed for linux/arm64.")  # fmt: skip
@click.option("--instance-count", type=click.IntRange(1), default=1, show_default=True)
@click.option("--serverless", is_flag=True, help="Serverless endpoint: billed by request; no GPU.")
@click.option(
    "--memory-mb", type=click.Choice(_SERVERLESS_MB), show_default=str(_DEFAULT_MB), help="With --serverless."
)
@click.option("--async-output", metavar="S3_URI", help="Asynchronous endpoint; folder for its answers.")
@click.option("--multi-model", metavar="S3_URI", help="Multi-model endpoint; folder with its models.")
@click.option("--autoscale", metavar="MIN:MAX", help="Scale the number of instances with the load; starts at MIN.")
@click.option("--invocations", type=click.FloatRange(1), show_default=str(_DEFAULT_INVOCATIONS),
              help="With --autoscale: target requests per minute and instance.")  # fmt: skip
@click.option("--capture", type=click.IntRange(1, 100), metavar="PERCENT",
              help="Store this share of requests and answers in S3; JSON and CSV as text.")  # fmt: skip
@click.option("--capture-to", metavar="S3_URI",
              help="Folder for --capture; default: traffic-signs/captures/ENDPOINT in SageMaker's bucket.")  # fmt: skip
@click.option("--shadow-model", metavar="S3_URI",
              help="model.tar.gz that gets a copy of all requests; its answers are dropped.")  # fmt: skip
@click.option("--isolated", is_flag=True, help="Run the container without network, not even to S3.")
@click.option("--update", metavar="ENDPOINT", expose_value=False,
              help="Update this endpoint; for its options see python -m scripts.update --help.")  # fmt: skip
@click.option("--endpoint-name", help="Default: traffic-signs-TIME.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the resources; repeatable.")
@click.option("--yes", is_flag=True, envvar="YES", help="Start without asking for confirmation; also YES=1.")
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
    expires: expiry.Expiry | None,
    hosts: hosting.Hosting,
    **model_options: Any,
) -> None:
    """Deploy a trained model to an endpoint; exit code 1 if the endpoint does not come into service."""
    kinds = {
        "serverless": serverless, "async_output": async_output, "multi_model": multi_model, "isolated": isolated,
        "capture": capture, "autoscale": autoscale, "shadow_model": shadow_model,
        "approved": model_options["approved"], **hosts.needing_instances,
    }  # fmt: skip
    _check_options(
        {**kinds, "capture_to": capture_to, "memory_mb": memory_mb, "invocations": invocations}, instance_type
    )
    # AWS appends the model's file name without a slash
    multi_model = multi_model and f"{multi_model.rstrip('/')}/"
    scale = autoscaling.Scale.parse(autoscale, invocations or _DEFAULT_INVOCATIONS) if autoscale else None
    memory_mb = memory_mb or _DEFAULT_MB
    parsed_tags = session.parse_pairs(tags)
    session.require_sdk(2)
    account = session.connect()
    if multi_model and model_options["image"] and model_options["role"]:
        model_options["model_data"] = multi_model  # no job to look up
    name = endpoint_name or f"{PREFIX}-{datetime.now(UTC):%Y-%m-%d-%H-%M-%S}"
    removal = f"python -m scripts.delete_endpoint {name}"
    client = account.boto.client("sagemaker")
    with session.readable_errors("sagemaker"):
        model = model_source.find(client, **model_options)
        model.require_instance_type("" if serverless else instance_type)
        # the SDK would silently use an existing model of that name
        if endpoint_name and delete_endpoint.name_exists(client, name):
            raise Failure(f"an endpoint, configuration or model {name} exists: choose another name, or {removal}")
    if endpoint_name:
        expiry.require_none(account, name)
    if not (serverless or model_options["image"] or model_options["approved"]):
        model = model_source.on_instances(model, instance_type)
    hosting.require_archive(model.model_data, serverless=serverless)
    ecr.require_same_region(model.image, account.region)
    if not serverless:
        for each in (instance_type, *hosts.fallback_type):
            ecr.require_processor(account, model.image, each)
    count = scale.min_instances if scale else instance_count
    if serverless:
        costs.confirm_serverless(memory_mb, yes=yes)
    else:
        machines = costs.Bill(
            " or ".join((instance_type, *hosts.fallback_type)),
            2 * count if shadow_model else count,
            hours=expires.hours if expires else None,
            max_count=scale.max_instances if scale else None,
            extras=f" and S3 storage for {capture} % of the requests" if capture else "",
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
        hosting=hosts,
        tags={**model.tags, **parsed_tags},
    )
    click.echo(f"endpoint: {name}   delete it: {removal}")
    if expires:  # first, because this command may not live to see the endpoint
        click.echo(f"expires: {expiry.until(expiry.start(account, name, expires))}")
    # an error, Ctrl-C or an expired login may leave resources behind
    result(endpoint=name, image=model.image, role=model.role, model_data=plan.model_data, delete=removal)
    price = "by request" if serverless else f"{machines.count} x {instance_type} day and night"
    next_step = f"delete what was created, which may bill {price}: {removal}"
    with session.readable_errors(next_step=next_step), dry_run.skipped_waiting():
        endpoint.deploy(session.sagemaker_session(account), plan)
    if scale:
        next_step = f"the endpoint is in service without autoscaling; delete it: {removal}"
        with session.readable_errors("application-autoscaling", next_step):
            autoscaling.start(account.boto, name, scale)
        click.echo(
            f"instances: {scale.min_instances} to {scale.max_instances},"
            f" target {scale.invocations:g} requests per minute and instance"
        )
    dry_run.end()
    result(status="InService")
    if capture:
        click.echo(f"captured requests: {plan.capture_to}; S3 bills them, and delete-endpoint keeps them")
    target = " --target-model FILE.tar.gz" if multi_model else ""
    click.echo(f"in service: python -m scripts.invoke --endpoint {name}{target} IMAGES")


def _check_options(options: Mapping[str, Any], instance_type: str) -> None:
    """Reject options that SageMaker would reject or ignore, before anything is created.

    Raises:
        Failure: options exclude each other, lack another one, or have an invalid value.
    """
    for one, other in _EXCLUDES:
        if options[one] and options[other]:
            raise Failure(f"{_option(one)} and {_option(other)} exclude each other: choose one")
    for one, other in _REQUIRES:
        if options[one] and not options[other]:
            raise Failure(f"{_option(one)} needs {_option(other)}: add it, or omit {_option(one)}")
    if options["multi_model"] and endpoint.has_gpu(instance_type):
        raise Failure(f"--multi-model on {instance_type}: needs a CPU instance; choose another --instance-type")
    for name in ("async_output", "multi_model", "capture_to", "shadow_model"):
        if options[name] and not options[name].startswith("s3://"):
            raise Failure(f"{_option(name)} {options[name]}: expected s3://BUCKET/FOLDER")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


if __name__ == "__main__":
    main()
