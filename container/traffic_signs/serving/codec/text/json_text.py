"""Decoders of JSON and JSON lines -> uint8 [N, 32, 32, 1].

    body or line -> instances -> all arrays: json_arrays; all objects: base64_files

Errors name the JSON path, or the line.
"""

import json
from functools import partial
from typing import Any

import numpy as np
import orjson

from traffic_signs.errors import RequestError
from traffic_signs.images import preprocessing
from traffic_signs.images.decode_budget import Budget
from traffic_signs.serving.codec.text import base64_files, faults
from traffic_signs.serving.codec.text.faults import Place
from traffic_signs.serving.codec.text.json_arrays import (
    array_from_lists,
    parse_numbers,
    pixels_from_nested_json,
    split,
)
from traffic_signs.serving.codec.text.lines import read_by_chunks

_KEY = "instances"
_UNDER_KEY, _BARE = "$.instances[{}]".format, "$[{}]".format
_EXPECTED = 'expected an array of images, or a JSON object with one under the key "instances"'


def from_json(body: bytes, budget: Budget, place: Place | None = None) -> np.ndarray:
    """Decode `{"instances": [...]}`, the bare array or one `{"b64": ...}`, also if it is written as a JSON string.

    Args:
        body: of numbers as `preprocessing.as_pixels`, or of `{"b64": ...}`.
        budget: limits of image files.
        place: where each instance is, for messages; None for its JSON path.

    Raises:
        RequestError: the body is something else; the message has the JSON path.
        ImageError: the model cannot take an image or the pixels.
    """
    chunks = split(body)
    if len(chunks) > 1:
        arrays = [array for chunk in chunks if (array := parse_numbers(chunk)) is not None]
        if len(arrays) == len(chunks) and len({array.shape[1:] for array in arrays}) == 1:
            return _join(arrays, place or (_BARE if body.startswith(b"[") else _UNDER_KEY))
    elif (array := pixels_from_nested_json(body)) is not None:
        return array
    content = _loads(body, "the body is not JSON")
    root, default = "$", _BARE
    if isinstance(content, dict) and _KEY in content:
        content, root, default = content[_KEY], "$.instances", _UNDER_KEY
        if isinstance(content, str):
            content = _loads(content.encode(), f"{root} is a string, and not of JSON")
    if isinstance(content, dict) and base64_files.KEY in content:
        return _pixels([content], body, budget, lambda _: root)
    if not isinstance(content, list):
        shown = _describe(content)
        raise RequestError(f"{root} is {shown}; {_EXPECTED}", (shown,))
    return _pixels(content, body, budget, place or default)


def from_json_lines(body: bytes, budget: Budget) -> np.ndarray:
    """Decode one image on each line: 32 rows of 32 values, or `{"b64": ...}`; blank lines at the end are ignored.

    Raises:
        RequestError: the body is something else; the message has the line number.
        ImageError: the model cannot take an image or the pixels.
    """

    def read(number: int, chunk: bytes) -> np.ndarray:
        records = [_load_line(line, number + index) for index, line in enumerate(chunk.split(b"\n"))]
        pixels = _pixels(records, chunk, budget, lambda index: f"line {number + index}: $")
        if len(pixels) != len(records):  # each line is a row of one image
            raise RequestError(
                f"line {number} does not hold one image; expected {preprocessing.SIZE} x {preprocessing.SIZE} values"
                f" or {base64_files.EXPECTED}"
            )
        return pixels

    return read_by_chunks(body, read)


def _pixels(instances: list[Any], body: bytes, budget: Budget, place: Place) -> np.ndarray:
    """Decode *instances*, parsed from *body*."""
    kinds = set(map(type, instances))
    if kinds == {dict}:
        files = [base64_files.decode(instance, place(index)) for index, instance in enumerate(instances)]
        return preprocessing.decode_all(files, budget, place)
    if dict in kinds:
        index = next(index for index, instance in enumerate(instances) if type(instance) is not type(instances[0]))
        raise RequestError(
            f"{place(index)} is {faults.show(instances[index])}, and {place(0)} is {faults.show(instances[0])};"
            f" send the images either all as arrays or all as {base64_files.EXPECTED}",
            faults.quoted(instances[index], instances[0]),
        )
    return preprocessing.as_pixels(array_from_lists(instances, body, place), place)


def _join(arrays: list[np.ndarray], place: Place) -> np.ndarray:
    parts, first = [], 0
    for array in arrays:
        parts.append(preprocessing.as_pixels(array, partial(_shifted, place, first)))
        first += len(array)
    return np.concatenate(parts)


def _shifted(place: Place, first: int, index: int) -> str:
    return place(first + index)


def _describe(content: object) -> str:
    if isinstance(content, dict):
        return f"an object with the keys {json.dumps([key[:50] for key in list(content)[:5]])}"
    return faults.show(content)


def _parse(text: bytes) -> Any:
    """Parse JSON; a string is parsed once more, because clients that encode twice mean what is in it."""
    content = orjson.loads(text)
    return orjson.loads(content) if isinstance(content, str) else content


def _loads(text: bytes, fault: str) -> Any:
    try:
        return _parse(text)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"{fault}: {error}") from error


def _load_line(line: bytes, number: int) -> Any:
    try:
        return _parse(line)
    except orjson.JSONDecodeError as error:
        what = f"column {error.colno:,}: {error.msg}" if line.strip() else "it is blank"
        raise RequestError(f"line {number} cannot be read: {what}") from error
