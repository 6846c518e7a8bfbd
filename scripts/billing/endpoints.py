"""Endpoints, and the configurations and models that nothing needs.

List calls by the names' prefix -> Describe of each -> Item; CloudWatch says how many requests each endpoint had
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from scripts.aws.session import PREFIX
from scripts.billing import expiry
from scripts.billing.item import Item, Machines
from scripts.errors import is_missing

_QUERIES, _PERIOD = 500, 3600
"""Of one GetMetricData call: AWS's limit, and the seconds that each of its numbers covers."""
_METRICS = ("Invocations", "InvocationsProcessed")
"""Of all endpoints, and of asynchronous ones; CloudWatch has them by endpoint and variant only."""
_GONE = ("Failed", "Deleting", "OutOfService")
"""Statuses in which only the instances that AWS still reports bill."""


def summaries(client: Any, operation: str, name: str, **filters: str) -> list[Mapping[str, Any]]:
    """Return what a List operation says about this project's resources.

    Args:
        client: boto3's for SageMaker.
        operation: Its name in boto3, such as list_models.
        name: Key of the name in a summary.
        filters: More arguments.
    """
    pages = client.get_paginator(operation).paginate(NameContains=PREFIX, **filters)
    found = (each for page in pages for value in page.values() if isinstance(value, list) for each in value)
    return [each for each in found if each[name].startswith(PREFIX)]


def find(
    boto: Any, now: datetime, window: timedelta, busy_models: Iterable[str], is_of: Callable[[str, str], bool]
) -> Iterator[Item]:
    """Yield the endpoints, then the configurations that none of them runs, then the models that nothing uses.

    Args:
        boto: The login.
        now: The time, UTC.
        window: How far back to count requests.
        busy_models: Models that jobs use.
        is_of: Endpoint, configuration -> whether an update or a rollback of the endpoint may use the configuration.

    Raises:
        botocore.exceptions.ClientError: AWS refuses a call.
    """
    client = boto.client("sagemaker")
    endings = expiry.find_all(boto, PREFIX)
    variants: dict[str, list[str]] = {}
    configurations, models, items = set(), set(busy_models), []
    for summary in summaries(client, "list_endpoints", "EndpointName"):
        name = summary["EndpointName"]
        endpoint = _described(client, client.describe_endpoint, EndpointName=name)
        configuration = endpoint.get("EndpointConfigName", name)
        configured = _described(client, client.describe_endpoint_config, EndpointConfigName=configuration)
        configurations.add(configuration)
        models |= {variant.get("ModelName", "") for variant in _variants(configured)}
        variants[name] = [variant["VariantName"] for variant in _variants(configured)]
        items.append(_item(summary, endpoint, configured, endings.get(name)))
    counts = _requests(boto, variants, now, window)
    yield from (replace(item, requests=counts[item.name]) for item in items)
    kept: dict[str, str] = {}
    for summary in summaries(client, "list_endpoint_configs", "EndpointConfigName"):
        if (name := summary["EndpointConfigName"]) in configurations:
            continue
        if owner := next((each for each in variants if is_of(each, name)), ""):
            configured = _described(client, client.describe_endpoint_config, EndpointConfigName=name)
            kept |= {variant.get("ModelName", ""): owner for variant in _variants(configured)}
        yield _unbilled("configuration", name, summary, owner)
    for summary in summaries(client, "list_models", "ModelName"):
        if (name := summary["ModelName"]) not in models:
            yield _unbilled("model", name, summary, kept.get(name, ""))


def _unbilled(kind: str, name: str, summary: Mapping[str, Any], owner: str) -> Item:
    use = f"for updates and rollbacks of {owner}, and deleted with it; " if owner else ""
    return Item(kind, name, "kept" if owner else "unused", summary["CreationTime"],
                remark=f"{use}bills nothing itself", endpoint=owner)  # fmt: skip


def _item(
    summary: Mapping[str, Any], endpoint: Mapping[str, Any], configured: Mapping[str, Any], ends: datetime | None
) -> Item:
    status = endpoint.get("EndpointStatus", "Deleting")
    usage = "AsyncInf" if "AsyncInferenceConfig" in configured else "Host"
    current = {variant["VariantName"]: variant for variant in _variants(endpoint)}
    machines, serverless = [], False
    for variant in _variants(configured):
        now = current.get(variant["VariantName"], {})
        serverless |= "ServerlessConfig" in variant
        planned = 0 if status in _GONE else variant.get("InitialInstanceCount", 0)
        # a variant with several instance types has a count for each
        pools = [(pool["InstanceType"], pool["CurrentInstanceCount"]) for pool in now.get("InstancePools", [])]
        one = [(variant.get("InstanceType", "unknown type"), now.get("CurrentInstanceCount", planned))]
        machines += [Machines(usage, instance_type, count) for instance_type, count in pools or one if count]
    remark = "serverless: bills requests only" if serverless else ""
    return Item("endpoint", summary["EndpointName"], status, summary["CreationTime"], tuple(machines),
                forever=True, ends=ends, remark=remark)  # fmt: skip


def _requests(boto: Any, variants: Mapping[str, list[str]], now: datetime, window: timedelta) -> dict[str, int]:
    """Return endpoint -> number of its requests in the last *window*; CloudWatch has no data where there were none."""
    asked = [(name, variant, metric) for name in variants for variant in variants[name] for metric in _METRICS]
    client = boto.client("cloudwatch")
    counts: dict[tuple[str, str], float] = {}
    for start in range(0, len(asked), _QUERIES):
        queries = [
            {"Id": f"q{start + number}", "MetricStat": {"Metric": _metric(*each), "Period": _PERIOD, "Stat": "Sum"}}
            for number, each in enumerate(asked[start : start + _QUERIES])
        ]
        pages = client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=now - window, EndTime=now
        )
        for result in (each for page in pages for each in page["MetricDataResults"]):
            name, _, metric = asked[int(result["Id"][1:])]
            counts[name, metric] = counts.get((name, metric), 0) + sum(result["Values"])
    # an asynchronous request may be in both
    return {name: round(max(counts.get((name, metric), 0) for metric in _METRICS)) for name in variants}


def _metric(endpoint: str, variant: str, metric: str) -> dict[str, Any]:
    dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
    return {"Namespace": "AWS/SageMaker", "MetricName": metric, "Dimensions": dimensions}


def _variants(description: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*description.get("ProductionVariants", []), *description.get("ShadowProductionVariants", [])]


def _described(client: Any, describe: Any, **name: str) -> Mapping[str, Any]:
    """Return a description; an empty one if the resource has gone since it was listed."""
    try:
        found: Mapping[str, Any] = describe(**name)
    except client.exceptions.ClientError as error:
        if is_missing(error):
            return {}
        raise
    return found
