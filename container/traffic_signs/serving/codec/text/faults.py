"""Faults in parsed JSON arrays, each named by its JSON path: `$.instances[1][0][5] is true`."""

import json
from collections.abc import Callable
from typing import Any

from traffic_signs.errors import RequestError
from traffic_signs.serving.codec.text import base64_files

Place = Callable[[int], str]
"""Index of an instance -> where it is in the body, as a JSON path or a line."""
_MAX_TEXT = 50
_NUMBERS = {int, float}


def find(instances: list[Any], place: Place) -> RequestError:
    """Return the error for nested lists of which a value is not a number, or which are not all of one shape.

    The first instance has the shape that all others must have.
    """
    shape = []
    first: Any = instances
    while isinstance(first, list) and first:
        shape.append(len(first))
        first = first[0]
    found = _search(instances, shape[1:])
    if found is None:
        return RequestError("pixels must be numbers, all images of the same shape")
    first_index, *indices = found[0]
    path = place(first_index) + "".join(f"[{index}]" for index in indices)
    return RequestError(_describe(path, *found[1:]), quoted(found[1]))


def _search(values: list[Any], shape: list[int]) -> tuple[list[int], Any, list[int]] | None:
    """Return the indices of the first value in *values* that is not of *shape*, the value, and the shape it lacks."""
    if not shape and set(map(type, values)) <= _NUMBERS:  # the usual row, without a look at each value
        return None
    for index, value in enumerate(values):
        fits = type(value) is list and len(value) == shape[0] if shape else type(value) in _NUMBERS
        if not fits:
            return [index], value, shape
        if shape and (found := _search(value, shape[1:])):
            return [index, *found[0]], *found[1:]
    return None


def _describe(path: str, value: Any, shape: list[int]) -> str:
    if not shape and not isinstance(value, list):
        file = f", an image file is {base64_files.EXPECTED}" if isinstance(value, str) else ""
        return f"{path} is {show(value)}; pixels must be numbers{file}"
    expected = "an array" if shape else "a number"
    fault = f"is {show(value)}, where the first has {expected}"
    if shape and isinstance(value, list):
        fault = f"has the length {len(value)}, where the first has {shape[0]}"
    return f"the instances are not all of the same shape: {path} {fault}"


def quoted(*values: object) -> tuple[str, ...]:
    """Return what `show` quotes of *values*."""
    return tuple(show(value) for value in values if not isinstance(value, list | dict))


def show(value: object) -> str:
    """Return the JSON of *value*, shortened."""
    if isinstance(value, list | dict):
        return "an array" if isinstance(value, list) else "an object"
    if isinstance(value, str):
        return json.dumps(value[:_MAX_TEXT])
    return json.dumps(value)[:_MAX_TEXT]
