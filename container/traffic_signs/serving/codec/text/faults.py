"""Faults in parsed JSON arrays, each named by its JSON path: `$.instances[1][0][5] is true`."""

import json
from collections.abc import Callable
from typing import Any

from traffic_signs.errors import RequestError
from traffic_signs.serving.codec.text import base64_files

Place = Callable[[int], str]
"""Index of an instance -> where it is in the body, as a JSON path or a line."""
_MAX_TEXT = 50


def find(instances: list[Any], place: Place) -> RequestError:
    """Return the error for nested lists of which a value is not a number, or which are not all of one shape.

    The first instance has the shape that all others must have.
    """
    shape = []
    first: Any = instances
    while isinstance(first, list) and first:
        shape.append(len(first))
        first = first[0]
    for index, instance in enumerate(instances):
        if fault := _fault(instance, shape[1:], place(index)):
            return RequestError(fault)
    return RequestError("pixels must be numbers, all images of the same shape")


def _fault(value: Any, shape: list[int], path: str) -> str | None:
    if not shape:
        if isinstance(value, list):
            return f"the instances are not all of the same shape: {path} is an array, where the first has a number"
        if type(value) in (int, float):
            return None
        file = f", an image file is {base64_files.EXPECTED}" if isinstance(value, str) else ""
        return f"{path} is {show(value)}; pixels must be numbers{file}"
    if not isinstance(value, list):
        return f"the instances are not all of the same shape: {path} is {show(value)}, where the first has an array"
    if len(value) != shape[0]:
        return (
            f"the instances are not all of the same shape: {path} has the length {len(value)},"
            f" where the first has {shape[0]}"
        )
    return next(
        (fault for index, item in enumerate(value) if (fault := _fault(item, shape[1:], f"{path}[{index}]"))), None
    )


def show(value: object) -> str:
    """Return the JSON of *value*, shortened."""
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    if isinstance(value, str):
        return json.dumps(value[:_MAX_TEXT])
    return json.dumps(value)[:_MAX_TEXT]
