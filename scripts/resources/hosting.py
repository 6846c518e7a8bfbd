"""Options of an endpoint's hosts and models that SageMaker's SDK lacks or has under other names.

command line -> Hosting -> apply(client), which completes the client's CreateModel and CreateEndpointConfig requests
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import click

from scripts.aws import s3_inputs
from scripts.errors import Failure
from scripts.parsing import parse_pairs

_ROUTING = {"least-outstanding": "LEAST_OUTSTANDING_REQUESTS", "random": "RANDOM"}
_AMIS = (
    "al2-ami-sagemaker-inference-gpu-2",
    "al2-ami-sagemaker-inference-gpu-2-1",
    "al2-ami-sagemaker-inference-gpu-3-1",
    "al2-ami-sagemaker-inference-neuron-2",
    "al2023-ami-sagemaker-inference-gpu-4-1",
)
_MOST_FALLBACKS, _MOST_MODELS = 4, 5
"""A variant has at most five instance pools, a container at most five additional models."""
_SECONDS = click.IntRange(60, 3600)
NEED_INSTANCES = ("fallback_type", "startup_timeout", "download_timeout", "inference_ami", "routing", "observability")
"""Options without effect on a serverless endpoint, which has no instances to set."""
_OPTIONS = (
    click.option("--fallback-type", multiple=True, metavar="TYPE",
                 help="Instance type for when AWS has none of --instance-type; repeatable, in order, up to 4."),
    click.option("--startup-timeout", type=_SECONDS, help="Seconds that the container has to answer /ping."),
    click.option("--download-timeout", type=_SECONDS, help="Seconds to download and unpack the model."),
    click.option("--inference-ami", type=click.Choice(_AMIS), help="Image of the hosts: the GPU's driver."),
    click.option("--routing", type=click.Choice(list(_ROUTING)), help="How requests are spread over the instances."),
    click.option("--observability", is_flag=True,
                 help="Publish /metrics, GPUs and hosts in CloudWatch, at its prices."),
    click.option("--additional-model", "additional_models", multiple=True, metavar="NAME=S3_URI",
                 help="More model data, in /opt/ml/additional-model-data-sources/NAME; repeatable, up to 5."),
)  # fmt: skip


@dataclass(frozen=True)
class Hosting:
    """Options of the hosts and models; the defaults are AWS's.

    Attributes:
        fallback_type: Instance types in order of preference, after the endpoint's own.
        startup_timeout: Time for the container's start, seconds.
        download_timeout: Time to download and unpack the model, seconds.
        inference_ami: Image of the hosts.
        routing: Strategy, a key of _ROUTING.
        observability: Detailed metrics in CloudWatch.
        additional_models: Name -> URI of a tar.gz, or of a folder, which ends with a slash.
    """

    fallback_type: tuple[str, ...] = ()
    startup_timeout: int | None = None
    download_timeout: int | None = None
    inference_ami: str | None = None
    routing: str | None = None
    observability: bool = False
    additional_models: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.fallback_type) > _MOST_FALLBACKS or len(set(self.fallback_type)) < len(self.fallback_type):
            raise Failure(f"--fallback-type: expected at most {_MOST_FALLBACKS} different types")
        if len(self.additional_models) > _MOST_MODELS:
            raise Failure(f"--additional-model: expected at most {_MOST_MODELS}")
        for name, uri in self.additional_models.items():
            s3_inputs.require_uri(uri, "FOLDER/ or a .tar.gz", f"--additional-model {name}:")

    @property
    def needing_instances(self) -> dict[str, Any]:
        """The options, by name, that a serverless endpoint excludes."""
        return {name: getattr(self, name) for name in NEED_INSTANCES}

    def apply(self, client: Any) -> None:
        """Complete the requests of *client*, boto3's for SageMaker, which then creates models and configurations."""
        client.meta.events.register("provide-client-params.sagemaker.CreateModel", self._complete_model)
        client.meta.events.register("provide-client-params.sagemaker.CreateEndpointConfig", self._complete)

    def _complete_model(self, params: dict[str, Any], **_: Any) -> None:
        container = params.get("PrimaryContainer", {})
        use_source(container)
        if self.additional_models:
            container["AdditionalModelDataSources"] = [
                {"ChannelName": name, "S3DataSource": _source(uri)} for name, uri in self.additional_models.items()
            ]

    def _complete(self, params: dict[str, Any], **_: Any) -> None:
        given = {
            "ContainerStartupHealthCheckTimeoutInSeconds": self.startup_timeout,
            "ModelDataDownloadTimeoutInSeconds": self.download_timeout,
            "InferenceAmiVersion": self.inference_ami,
            "RoutingConfig": self.routing and {"RoutingStrategy": _ROUTING[self.routing]},
        }
        for variant in [*params["ProductionVariants"], *params.get("ShadowProductionVariants", [])]:
            variant.update({key: value for key, value in given.items() if value})
            if self.fallback_type:
                types = (variant.pop("InstanceType"), *self.fallback_type)
                pools = enumerate(types, start=1)
                variant["InstancePools"] = [{"InstanceType": each, "Priority": number} for number, each in pools]
        if self.observability:
            params["MetricsConfig"] = {"EnableDetailedObservability": True}


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as one argument `hosts`, a Hosting."""

    @functools.wraps(command)
    def parsed(**given: Any) -> Any:
        chosen = {name: given.pop(name) for name in Hosting.__dataclass_fields__}
        chosen["additional_models"] = parse_pairs(chosen["additional_models"])
        return command(hosts=Hosting(**chosen), **given)

    for option in reversed(_OPTIONS):
        parsed = option(parsed)
    return parsed


def require_archive(uri: str, user: str) -> None:
    """Reject a folder where only a tar.gz is taken.

    Source: ModelDataSource in the API reference: not for serverless inference, batch transform.

    Args:
        uri: Of the model.
        user: What is to use it, for the message.

    Raises:
        Failure: *uri* is a folder.
    """
    if uri.endswith("/"):
        raise Failure(f"{uri} is a folder, and {user} takes none: give a model.tar.gz with --model-data")


def use_source(container: dict[str, Any]) -> None:
    """Turn the URI of a folder into a source; a folder is no archive, except that of a multi-model endpoint."""
    if container.get("ModelDataUrl", "").endswith("/") and container.get("Mode") != "MultiModel":
        container["ModelDataSource"] = {"S3DataSource": _source(container.pop("ModelDataUrl"))}


def _source(uri: str) -> dict[str, str]:
    """Return the S3DataSource of an archive, or of a folder of files, which stay as they are."""
    if uri.endswith("/"):
        return {"S3Uri": uri, "S3DataType": "S3Prefix", "CompressionType": "None"}
    return {"S3Uri": uri, "S3DataType": "S3Object", "CompressionType": "Gzip"}
