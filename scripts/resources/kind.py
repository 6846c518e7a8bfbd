"""What kind of endpoint deploy makes: its options, and which of them exclude each other.

command line -> Kind, checked before anything is created
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import click

from scripts.aws import s3_inputs
from scripts.errors import Failure
from scripts.resources import hosting
from scripts.resources.autoscaling import Scale
from scripts.resources.endpoint import has_gpu

_SERVERLESS_MB = (1024, 2048, 3072, 4096, 5120, 6144)
_DEFAULT_MB, _DEFAULT_INVOCATIONS = 3072, 6000
_REQUIRES = (("capture_to", "capture"), ("memory_mb", "serverless"), ("invocations", "autoscale"))
"""Options that would have no effect without another one."""
_EXCLUDES = (
    # SageMaker documents that serverless endpoints lack these
    *(("serverless", other) for other in ("async_output", "multi_model", "isolated", "capture", "autoscale")),
    # shadow variants need real-time endpoints with one model per variant
    *(("shadow_model", other) for other in ("serverless", "async_output", "multi_model", "autoscale")),
    # a folder of models is no version of the registry
    ("multi_model", "approved"),
    # queued requests wait for an instance, however few arrive per minute; the SDK has no asynchronous multi-model
    *(("async_output", other) for other in ("autoscale", "multi_model")),
    *(("serverless", other) for other in hosting.NEED_INSTANCES),
    ("multi_model", "fallback_type"),  # SageMaker documents instance pools for single models
)
_OPTIONS = (
    click.option("--serverless", is_flag=True, help="Serverless endpoint: billed by request; no GPU."),
    click.option("--memory-mb", type=click.Choice(_SERVERLESS_MB), show_default=str(_DEFAULT_MB),
                 help="With --serverless."),
    click.option("--async-output", metavar="S3_URI", help="Asynchronous endpoint; folder for its answers."),
    click.option("--multi-model", metavar="S3_URI", help="Multi-model endpoint; folder with its models."),
    click.option("--autoscale", metavar="MIN:MAX",
                 help="Scale the number of instances with the load; starts at MIN."),
    click.option("--invocations", type=click.FloatRange(1), show_default=str(_DEFAULT_INVOCATIONS),
                 help="With --autoscale: target requests per minute and instance."),
    click.option("--capture", type=click.IntRange(1, 100), metavar="PERCENT",
                 help="Store this share of requests and answers in S3; JSON and CSV as text."),
    click.option("--capture-to", metavar="S3_URI",
                 help="Folder for --capture; default: traffic-signs/captures/ENDPOINT in SageMaker's bucket."),
    click.option("--shadow-model", metavar="S3_URI",
                 help="model.tar.gz that gets a copy of all requests; its answers are dropped."),
    click.option("--isolated", is_flag=True, help="Run the container without network, not even to S3."),
)  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """Kind of an endpoint.

    Attributes:
        serverless_mb: Memory of a serverless endpoint, in MB; None for instances.
        async_output: S3 folder for the answers of an asynchronous endpoint.
        multi_model: S3 folder, with its slash, of a multi-model endpoint.
        scale: Autoscaling.
        capture: Percentage of requests that are stored.
        capture_to: S3 folder for them; None for the default.
        shadow_model: model.tar.gz that gets a copy of all requests.
        isolated: The container has no network.
    """

    serverless_mb: int | None
    async_output: str | None
    multi_model: str | None
    scale: Scale | None
    capture: int | None
    capture_to: str | None
    shadow_model: str | None
    isolated: bool


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options to a command, which gets them as one argument `kind`, a Kind.

    The command also has the options `approved` and `instance_type`, and those of `hosting`.
    """

    @functools.wraps(command)
    def parsed(*, hosts: hosting.Hosting, approved: str | None, instance_type: str, **given: Any) -> Any:
        names = ("serverless", "memory_mb", "async_output", "multi_model", "autoscale", "invocations", "capture",
                 "capture_to", "shadow_model", "isolated")  # fmt: skip
        chosen = {name: given.pop(name) for name in names}
        _require_compatible({**chosen, "approved": approved, **hosts.needing_instances}, instance_type)
        kind = _parse(**chosen)
        return command(kind=kind, hosts=hosts, approved=approved, instance_type=instance_type, **given)

    for option in reversed(_OPTIONS):
        parsed = option(parsed)
    return parsed


def _parse(
    *, serverless: bool, memory_mb: int | None, multi_model: str | None, autoscale: str | None,
    invocations: float | None, **given: Any,
) -> Kind:  # fmt: skip
    return Kind(
        serverless_mb=(memory_mb or _DEFAULT_MB) if serverless else None,
        # AWS appends the model's file name without a slash
        multi_model=f"{multi_model.rstrip('/')}/" if multi_model else None,
        scale=Scale.parse(autoscale, invocations or _DEFAULT_INVOCATIONS) if autoscale else None,
        **given,
    )


def _require_compatible(chosen: Mapping[str, Any], instance_type: str) -> None:
    """Reject options that SageMaker would reject or ignore, before anything is created.

    Raises:
        Failure: options exclude each other, lack another one, or have an invalid value.
    """
    for one, other in _EXCLUDES:
        if chosen[one] and chosen[other]:
            raise Failure(f"{_option(one)} and {_option(other)} exclude each other: choose one")
    for one, other in _REQUIRES:
        if chosen[one] and not chosen[other]:
            raise Failure(f"{_option(one)} needs {_option(other)}: add it, or omit {_option(one)}")
    if chosen["multi_model"] and has_gpu(instance_type):
        raise Failure(f"--multi-model on {instance_type}: needs a CPU instance; choose another --instance-type")
    for name, key in (("async_output", ""), ("multi_model", ""), ("capture_to", ""), ("shadow_model", "KEY")):
        if chosen[name]:
            s3_inputs.require_uri(chosen[name], key, _option(name))


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
