"""An endpoint that serves a trained model, with SageMaker's Model.

results/training-job.json or s3:// -> cost line -> deploy(session, plan): model, configuration, endpoint -> InService
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import click

from scripts import costs, diagnosis, session, trained, waiting
from scripts.endpoint import Failure
from scripts.session import PREFIX

_GPU_AMI = "al2-ami-sagemaker-inference-gpu-3-1"
"""Host with NVIDIA driver 550. The default host may have driver 470, under which a CUDA 12 image finds no GPU."""

_SERVERLESS_MB = (1024, 2048, 3072, 4096, 5120, 6144)


@dataclass(frozen=True)
class Plan:
    """What an endpoint is made of.

    Attributes:
        image: URI of the image, with tag or digest.
        role: ARN of the execution role.
        model_data: URI of model.tar.gz.
        name: Of the endpoint, and of its model and configuration.
        serverless_mb: Memory of a serverless endpoint, in MB, in place of instances.
        async_output: S3 folder for the answers of an asynchronous endpoint.
    """

    image: str
    role: str
    model_data: str
    name: str
    instance_type: str = "ml.c5.large"
    instance_count: int = 1
    serverless_mb: int | None = None
    async_output: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


def deploy(sagemaker_session: Any, plan: Plan) -> Any:
    """Create model, configuration and endpoint; wait until it is in service.

    Args:
        sagemaker_session: SageMaker's Session or LocalSession.
        plan: The endpoint.

    Returns:
        A sagemaker.predictor.Predictor, an AsyncPredictor if *plan* says so.

    Raises:
        Failure: interrupted; the endpoint goes on.
        click.ClickException: it failed; with the reason, the last log lines and the likely cause.
    """
    session.quiet_sdk()
    from sagemaker.async_inference import AsyncInferenceConfig  # noqa: PLC0415 # slow, and not needed for --help
    from sagemaker.model import Model  # noqa: PLC0415 # as above
    from sagemaker.predictor import Predictor  # noqa: PLC0415 # as above
    from sagemaker.serverless import ServerlessInferenceConfig  # noqa: PLC0415 # as above

    model = Model(
        image_uri=plan.image,
        model_data=plan.model_data,
        role=plan.role,
        name=plan.name,
        predictor_cls=Predictor,
        sagemaker_session=sagemaker_session,
    )
    options: dict[str, Any] = {"instance_type": plan.instance_type, "initial_instance_count": plan.instance_count}
    if plan.serverless_mb:
        options = {"serverless_inference_config": ServerlessInferenceConfig(plan.serverless_mb, max_concurrency=5)}
    elif plan.instance_type.startswith(("ml.g", "ml.p")):
        options["inference_ami_version"] = _GPU_AMI
    if plan.async_output:
        output = plan.async_output.rstrip("/")
        options["async_inference_config"] = AsyncInferenceConfig(output, failure_path=f"{output}/failures")
    tags = [{"Key": key, "Value": value} for key, value in plan.tags.items()]
    predictor = model.deploy(endpoint_name=plan.name, tags=tags or None, wait=False, **options)
    try:
        _wait(sagemaker_session, plan.name)
    except KeyboardInterrupt as error:
        raise Failure(
            f"{plan.name} goes on and bills; remove it: python -m scripts.delete_endpoint {plan.name}"
        ) from error
    return predictor


def _wait(sagemaker_session: Any, name: str) -> None:
    description = waiting.settled(
        name,
        lambda: sagemaker_session.sagemaker_client.describe_endpoint(EndpointName=name),
        "EndpointStatus",
        ("Creating", "Updating", "SystemUpdating"),
    )
    status = description["EndpointStatus"]
    if status != "InService":
        logs = diagnosis.last_lines(sagemaker_session.boto_session, name)
        raise click.ClickException(diagnosis.report(name, description.get("FailureReason", status), logs))


@click.command(
    epilog="""\b
    Examples:
      python -m scripts.deploy
      python -m scripts.deploy --instance-type ml.g4dn.xlarge --endpoint-name traffic-signs-gpu
      python -m scripts.deploy --job traffic-signs-2026-11-23-12-00-00-000 --image URI --role ARN --serverless
      python -m scripts.deploy --async-output s3://sagemaker-us-east-1-111122223333/traffic-signs/answers
    """
)
@trained.options
@click.option("--instance-type", default="ml.c5.large", show_default=True)
@click.option("--instance-count", type=click.IntRange(1), default=1, show_default=True)
@click.option("--serverless", is_flag=True, help="Billed by request, without instances; no GPU.")
@click.option(
    "--memory-mb", type=click.Choice(_SERVERLESS_MB), default=3072, show_default=True, help="Serverless only."
)
@click.option("--async-output", metavar="S3_URI", help="Asynchronous endpoint, whose answers go to this folder.")
@click.option("--endpoint-name", help="Default: traffic-signs and the time.")
@click.option("--tag", "tags", multiple=True, metavar="KEY=VALUE", help="Any number of times.")
@click.option("--yes", is_flag=True, envvar="YES", help="Do not ask whether it may cost money; YES=1 says the same.")
def main(
    *,
    instance_type: str,
    instance_count: int,
    serverless: bool,
    memory_mb: int,
    async_output: str | None,
    endpoint_name: str | None,
    tags: tuple[str, ...],
    yes: bool,
    **which: Any,
) -> None:
    """Put a trained model behind an endpoint; exit code 1 if it does not come into service."""
    if serverless and async_output:
        raise Failure("--serverless and --async-output exclude each other: choose one")
    if async_output and not async_output.startswith("s3://"):
        raise Failure(f"--async-output {async_output}: expected s3://BUCKET/FOLDER")
    own_tags = session.pairs(tags)
    account = session.connect()
    with session.clear_errors():
        model = trained.find(account.boto.client("sagemaker"), **which)
    name = endpoint_name or f"{PREFIX}-{datetime.now(UTC):%Y-%m-%d-%H-%M-%S}"
    if serverless:
        costs.confirm_serverless(memory_mb, yes=yes)
    else:
        costs.confirm(costs.Bill(instance_type, instance_count), account.region, yes=yes)
    plan = Plan(
        image=model.image,
        role=model.role,
        model_data=model.model_data,
        name=name,
        instance_type=instance_type,
        instance_count=instance_count,
        serverless_mb=memory_mb if serverless else None,
        async_output=async_output,
        tags=own_tags,
    )
    click.echo(f"endpoint: {name}   remove it: python -m scripts.delete_endpoint {name}")
    with session.clear_errors():
        deploy(session.sdk(account), plan)
    click.echo(f"in service: python -m scripts.invoke --endpoint {name} IMAGES")


if __name__ == "__main__":
    main()
