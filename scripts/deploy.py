"""The command that deploys a trained model to an endpoint.

results/training-job.json or s3:// -> check of the options -> cost confirmation -> endpoint.deploy -> autoscaling
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from scripts import delete_endpoint, dry_run, parsing, update
from scripts.aws import costs, ecr, s3_inputs, session
from scripts.aws.session import PREFIX
from scripts.billing import expiry
from scripts.errors import Failure
from scripts.options import result
from scripts.resources import autoscaling, endpoint, hosting, model_source
from scripts.resources import kind as kinds
from scripts.resources.kind import Kind


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
      python -m scripts.deploy --update traffic-signs-2026-11-23-12-00-00
      python -m scripts.deploy --expires 2h
    """,
)
@model_source.options
@expiry.options
@hosting.options
@kinds.options
@click.option("--instance-type", default="ml.c5.large", show_default=True,
              help="Graviton, such as ml.c7g.large, gets the image that was pushed for linux/arm64.")  # fmt: skip
@click.option("--instance-count", type=click.IntRange(1), default=1, show_default=True)
@click.option("--update", metavar="ENDPOINT", expose_value=False,
              help="Update this endpoint; for its options see python -m scripts.update --help.")  # fmt: skip
@click.option("--endpoint-name", help="Default: traffic-signs-TIME.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Tag of the resources; repeatable.")
@click.option("--yes", is_flag=True, envvar="YES", help="Start without asking for confirmation; also YES=1.")
def main(
    *,
    instance_type: str,
    instance_count: int,
    kind: Kind,
    endpoint_name: str | None,
    tags: tuple[str, ...],
    yes: bool,
    expires: expiry.Expiry | None,
    hosts: hosting.Hosting,
    **model_options: Any,
) -> None:
    """Deploy a trained model to an endpoint; exit code 1 if the endpoint does not come into service."""
    parsed_tags = parsing.parse_tags(tags)
    if endpoint_name:
        parsing.require_name(endpoint_name, "--endpoint-name", added="-shadow" if kind.shadow_model else "")
    session.require_sdk(2)
    account = session.connect()
    if kind.multi_model and model_options["image"] and model_options["role"]:
        model_options["model_data"] = kind.multi_model  # no job to look up
    name = endpoint_name or f"{PREFIX}-{datetime.now(UTC):%Y-%m-%d-%H-%M-%S}"
    removal = f"python -m scripts.delete_endpoint {name}"
    types = () if kind.serverless_mb else (instance_type, *hosts.fallback_type)
    client = account.boto.client("sagemaker")
    with session.readable_errors("sagemaker"):
        model = model_source.find(client, **model_options)
        # the SDK would silently use an existing model of that name
        if endpoint_name and delete_endpoint.name_exists(client, name):
            raise Failure(f"an endpoint, configuration or model {name} exists: choose another name, or {removal}")
    if endpoint_name:
        expiry.require_none(account, name)
    if types and not (model_options["image"] or model_options["approved"]):
        model = model_source.on_instances(model, instance_type)
    if kind.serverless_mb:
        hosting.require_archive(model.model_data, "a serverless endpoint")
    ecr.require_same_region(model.image, account.region)
    for each in types:
        model.require_instance_type(each)
        ecr.require_processor(account, model.image, each)
    count = kind.scale.min_instances if kind.scale else instance_count
    price = _confirm(kind, types, count, expires, account.region, yes=yes)
    plan = endpoint.Plan(
        image=model.image,
        role=model.role,
        model_data=kind.multi_model or model.model_data,
        name=name,
        instance_type=instance_type,
        instance_count=count,
        serverless_mb=kind.serverless_mb,
        async_output=kind.async_output,
        multi_model=bool(kind.multi_model),
        isolated=kind.isolated,
        capture_percent=kind.capture,
        capture_to=kind.capture_to or f"s3://{s3_inputs.default_bucket(account)}/{PREFIX}/captures/{name}",
        shadow_model=kind.shadow_model,
        hosting=hosts,
        tags={**model.tags, **parsed_tags},
    )
    click.echo(f"endpoint: {name}   delete it: {removal}")
    if expires:  # first, because this command may not live to see the endpoint
        click.echo(f"expires: {expiry.until(expiry.start(account, name, expires))}")
    # an error, Ctrl-C or an expired login may leave resources behind
    result(endpoint=name, image=model.image, role=model.role, model_data=plan.model_data, delete=removal)
    next_step = f"delete what was created, which may bill {price}: {removal}"
    with session.readable_errors(next_step=next_step), dry_run.skipped_waiting():
        endpoint.deploy(session.sagemaker_session(account), plan)
    if kind.scale:
        next_step = f"the endpoint is in service without autoscaling; delete it: {removal}"
        with session.readable_errors("application-autoscaling", next_step):
            autoscaling.start(account.boto, name, kind.scale)
        click.echo(
            f"instances: {kind.scale.min_instances} to {kind.scale.max_instances},"
            f" target {kind.scale.invocations:g} requests per minute and instance"
        )
    dry_run.end()
    result(status="InService")
    if kind.capture:
        click.echo(f"captured requests: {plan.capture_to}; S3 bills them, and delete-endpoint keeps them")
    target = " --target-model FILE.tar.gz" if kind.multi_model else ""
    click.echo(f"in service: python -m scripts.invoke --endpoint {name}{target} IMAGES")


def _confirm(
    kind: Kind, types: Sequence[str], count: int, expires: expiry.Expiry | None, region: str, *, yes: bool
) -> str:  # fmt: skip
    """Ask whether the endpoint may cost what it costs; return that in a few words."""
    if kind.serverless_mb:
        costs.confirm_serverless(kind.serverless_mb, yes=yes)
        return "by request"
    machines = costs.Bill(
        " or ".join(types),
        2 * count if kind.shadow_model else count,
        hours=expires.hours if expires else None,
        max_count=kind.scale.max_instances if kind.scale else None,
        extras=f" and S3 storage for {kind.capture} % of the requests" if kind.capture else "",
    )
    costs.confirm(machines, region, yes=yes)
    return f"{machines.count} x {machines.instance_type} day and night"


if __name__ == "__main__":
    main()
