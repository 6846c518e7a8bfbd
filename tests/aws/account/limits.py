"""Validation of requests against AWS's service models: patterns, lengths and names, which botocore and moto ignore."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session

_SERVICES = {
    "sagemaker": ("sagemaker", "sagemaker-runtime"),
    "application-autoscaling": ("application-autoscaling",),
    "monitoring": ("cloudwatch",),
    "s3": ("s3",),
    "pricing": ("pricing",),
    "scheduler": ("scheduler",),
    "servicequotas": ("service-quotas",),
}
"""Signing name -> service models of the validated services."""


def violations(name: str, parameters: Mapping[str, Any]) -> list[str]:
    """Return the violations in a request of *name*, such as `sagemaker:CreateModel`."""
    service, operation = name.split(":")
    for model in map(_model, _SERVICES.get(service, ())):
        if operation in model.operation_names:
            return list(check(model.operation_model(operation).input_shape, parameters, operation))
    return []


@cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def check(shape: Any, value: Any, place: str) -> Iterator[str]:
    """Yield the violations of botocore's *shape* in a value, with their places."""
    match shape.type_name:
        case "structure":
            for key, member in shape.members.items():
                if key in value:
                    yield from check(member, value[key], f"{place}.{key}")
        case "list":
            yield from _check_length(shape, value, place)
            for item in value:
                yield from check(shape.member, item, place)
        case "map":
            yield from _check_length(shape, value, place)
            for key, item in value.items():
                yield from check(shape.key, key, place)
                yield from check(shape.value, item, f"{place}.{key}")
        case "string":
            yield from _check_length(shape, value, place)
            if not _pattern(shape.metadata.get("pattern", "")).fullmatch(value):
                yield f"{place} = {value!r}; expected {shape.metadata['pattern']}"
            if shape.enum and value not in shape.enum:
                yield f"{place} = {value!r}; expected one of {', '.join(shape.enum)}"
        case "integer" | "long" | "float" | "double":
            least, most = (shape.metadata.get(key, value) for key in ("min", "max"))
            if not least <= value <= most:
                yield f"{place} = {value}; expected {least} to {most}"


@cache
def _pattern(java: str) -> re.Pattern[str]:
    """Compile a Java pattern; an empty one, or one that Python cannot read, matches everything."""
    try:
        return re.compile(java.replace(r"\p{L}\p{Z}\p{N}", r"\w\s") or "(?s:.*)")
    except re.error:
        return re.compile("(?s:.*)")


def _check_length(shape: Any, value: Any, place: str) -> Iterator[str]:
    if len(value) > shape.metadata.get("max", len(value)):
        yield f"{place} = {json.dumps(value)}: {len(value)}, at most {shape.metadata['max']}"
