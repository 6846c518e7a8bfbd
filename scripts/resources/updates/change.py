"""The change of an endpoint: what differs, and the requests that make it.

Fleet now, Fleet then -> table -> CreateModel, CreateEndpointConfig, PutMetricAlarm, UpdateEndpoint

SageMaker never changes a configuration, so an update makes a new one: a copy of the old one with the differences. Its
tag names the old one, so that a rollback finds it from any machine.
"""

import re
import sys
from collections.abc import Mapping
from typing import Any

from scripts.errors import Failure
from scripts.model_registry import registered
from scripts.resources import endpoint, hosting
from scripts.resources.updates.fleet import PREVIOUS, Fleet
from scripts.resources.updates.request import Request

_LONGEST = 63
"""Characters of a name in SageMaker."""
_SUFFIX = re.compile(r"-u\d{14}")
_ANSWER_ONLY = ("EndpointConfigArn", "CreationTime", "ResponseMetadata")
LINEAGE = (registered.DATA, registered.JOB, registered.PACKAGE)
_OF_THE_MODEL = ("VpcConfig", "EnableNetworkIsolation")


def name_for(endpoint_name: str, time: str) -> str:
    """Return the name of the configuration and model of an update; *time* is YYYYmmddHHMMSS.

    Raises:
        Failure: the endpoint's name is too long for it.
    """
    name = f"{endpoint_name}-u{time}"
    if len(name) > _LONGEST:
        raise Failure(
            f"{endpoint_name}: {len(endpoint_name)} characters; names of updates add {len(name) - len(endpoint_name)},"
            f" and SageMaker allows {_LONGEST}: update it with the AWS CLI"
        )
    return name


def is_of(endpoint_name: str, configuration: str) -> bool:
    """Return whether *configuration* is a name that deploy or `name_for` gives to the endpoint's configurations."""
    rest = configuration.removeprefix(endpoint_name)
    return configuration == endpoint_name or (rest != configuration and bool(_SUFFIX.fullmatch(rest)))


def others(client: Any, endpoint_name: str, configuration: str) -> list[str]:
    """Return the names of the endpoint's other configurations than *configuration*: its first, and those of updates."""
    pages = client.get_paginator("list_endpoint_configs").paginate(NameContains=endpoint_name)
    names = [found["EndpointConfigName"] for page in pages for found in page["EndpointConfigs"]]
    return [name for name in names if name != configuration and is_of(endpoint_name, name)]


def differences(now: Fleet, then: Fleet) -> dict[str, tuple[str, str]]:
    """Return what changes: what -> (now, then); {} if nothing does."""
    rows = {
        "image": (_short(now), _short(then), _same_image(now, then)),
        "model": (now.model_data, then.model_data, now.model_data == then.model_data),
        "role": (now.role, then.role, now.role == then.role),
        "instance type": (now.hosts, then.hosts, now.hosts == then.hosts),
        "instances": (str(now.instance_count), str(then.instance_count), now.instance_count == then.instance_count),
    }
    return {what: (before, after) for what, (before, after, same) in rows.items() if not same}


def print_table(endpoint_name: str, now: Fleet, then: Fleet) -> None:
    """Print what changes, and what stays."""
    from rich.console import Console
    from rich.table import Table

    changes = differences(now, then)
    table = Table("", "now", "then", title=f"update of {endpoint_name}", title_justify="left")
    same = {"image": _short(now), "model": now.model_data, "instance type": now.hosts}
    same |= {"instances": str(now.instance_count)} if now.instance_count else {}
    for what in (*same, *(what for what in changes if what not in same)):
        before, after = changes.get(what, (same.get(what, ""), "the same"))
        table.add_row(what, before, after)
    # without a terminal, lines in a log are not cut to 80 characters
    Console(width=None if sys.stdout.isatty() else 250).print(table)


def requests(now: Fleet, then: Fleet, name: str, tags: Mapping[str, str], lineage: Mapping[str, str]) -> list[Request]:
    """Return the requests that create the new configuration, and a new model if the old one does not fit.

    Args:
        now: What the endpoint runs.
        then: What it is to run.
        name: Of the configuration and the model.
        tags: Of the present configuration; those of an earlier model's lineage are not copied.
        lineage: Tags that lead back to the new model's version, job and data.
    """
    changes = differences(now, then).keys()
    dropped = {PREVIOUS, *(LINEAGE if {"image", "model"} & changes else ())}
    kept = {key: value for key, value in tags.items() if key not in dropped and not key.startswith("aws:")}
    own = [{"Key": key, "Value": value} for key, value in {**kept, **lineage}.items()]
    found = []
    model = now.variant["ModelName"]
    if {"image", "model", "role"} & changes:
        model = name
        container = {**now.model["PrimaryContainer"], "Image": then.image}
        if then.model_data:
            container["ModelDataUrl"] = then.model_data
            container.pop("ModelDataSource", None)  # AWS answers with both and takes one
            hosting.use_source(container)
        parameters = {"ModelName": name, "PrimaryContainer": container, "ExecutionRoleArn": then.role}
        parameters |= {key: now.model[key] for key in _OF_THE_MODEL if now.model.get(key)}
        found.append(Request("sagemaker", "create_model", parameters | ({"Tags": own} if own else {})))
    configuration = {key: value for key, value in now.configuration.items() if value and key not in _ANSWER_ONLY}
    configuration |= {
        "EndpointConfigName": name,
        "ProductionVariants": [_variant(now, then, model)],
        "Tags": [*own, {"Key": PREVIOUS, "Value": now.name}],
    }
    return [*found, Request("sagemaker", "create_endpoint_config", configuration)]


def _variant(now: Fleet, then: Fleet, model: str) -> dict[str, Any]:
    variant = {**now.variant, "ModelName": model}
    if then.instance_type:
        variant |= {"InitialInstanceCount": then.instance_count}
        variant |= {} if "InstancePools" in variant else {"InstanceType": then.instance_type}
    if then.instance_type != now.instance_type:  # the host's image fits the type
        variant.pop("InferenceAmiVersion", None)
        if endpoint.has_gpu(then.instance_type):
            variant["InferenceAmiVersion"] = endpoint.GPU_AMI
    return variant


def _same_image(now: Fleet, then: Fleet) -> bool:
    return now.digest == then.digest if now.digest and then.digest else now.image == then.image


def _short(fleet: Fleet) -> str:
    name = fleet.image.partition("@")[0].rpartition("/")[2]
    return f"{name} {fleet.digest[:19] or 'of unknown digest'}"
