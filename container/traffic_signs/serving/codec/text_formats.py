"""Decoders of text formats: JSON, JSON lines and CSV -> uint8 [N, 32, 32, 1].

    lines -> chunks of a megabyte -> lists of Python numbers, some 8 bytes each -> pixels, one byte each

orjson parses all of them, a line of CSV as a JSON array without brackets. Every number is checked: `numpy.asarray`
would turn one long string among many short ones into gigabytes.
"""

import codecs
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson

from traffic_signs.errors import RequestError
from traffic_signs.images import preprocessing
from traffic_signs.images.decode_budget import Budget
from traffic_signs.serving.codec.json_arrays import (
    CHUNK_BYTES,
    array_from_lists,
    parse_numbers,
    pixels_from_instances,
    pixels_from_nested_json,
    split,
)

_VALUES = preprocessing.SIZE * preprocessing.SIZE


def from_json(body: bytes, budget: Budget) -> np.ndarray:
    """Decode `{"instances": [...]}` or the bare array, of numbers as `preprocessing.as_pixels` or of `{"b64": ...}`.

    Raises:
        RequestError: the body is something else.
        ImageError: the model cannot take an image or the pixels.
    """
    chunks = split(body)
    if len(chunks) > 1:
        arrays = [array for chunk in chunks if (array := parse_numbers(chunk)) is not None]
        if len(arrays) == len(chunks) and len({array.shape[1:] for array in arrays}) == 1:
            return np.concatenate([preprocessing.as_pixels(array) for array in arrays])
    elif (array := pixels_from_nested_json(body)) is not None:
        return array
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"the body is not JSON: {error}") from error
    if isinstance(content, dict) and "instances" in content:
        content = content["instances"]
    if not isinstance(content, list):
        raise RequestError('expected an array of images, or a JSON object with one under the key "instances"')
    return pixels_from_instances(content, body, budget)


def from_json_lines(body: bytes, budget: Budget) -> np.ndarray:
    """Decode one image on each line: 32 rows of 32 values, or `{"b64": ...}`.

    Raises:
        RequestError: the body is something else; the message has the line number.
        ImageError: the model cannot take an image or the pixels.
    """

    def read(number: int, chunk: bytes) -> np.ndarray:
        records = [_loads(line, number + index) for index, line in enumerate(chunk.split(b"\n"))]
        pixels = pixels_from_instances(records, chunk, budget, number - 1)
        if len(pixels) != len(records):  # each line is a row of one image
            raise RequestError(
                f"a line does not hold one image; expected {preprocessing.SIZE} x {preprocessing.SIZE} values"
                ' or {"b64"}'
            )
        return pixels

    return _read_by_chunks(body, read)


def from_csv(body: bytes, _budget: Budget) -> np.ndarray:
    """Decode one image on each line: its 1024 values, row by row; no header line.

    Raises:
        RequestError: the body is something else; the message has the line number.
        ImageError: the model cannot take the values.
    """
    return _read_by_chunks(body.removeprefix(codecs.BOM_UTF8), _read_csv)  # spreadsheets write a byte order mark


def _read_csv(number: int, chunk: bytes) -> np.ndarray:
    rows = []
    for line in chunk.split(b"\n"):
        rows.append(_loads(b"[" + line + b"]", number))
        if len(rows[-1]) != _VALUES:
            raise RequestError(f"line {number} has {len(rows[-1])} values; expected {_VALUES:,}")
        number += 1
    values = array_from_lists(rows, chunk)
    if values.ndim != 2:
        raise RequestError("a line contains an array; expected plain values")
    return preprocessing.as_pixels(values.reshape(-1, *preprocessing.SHAPE))


def _read_by_chunks(body: bytes, read: Callable[[int, bytes], np.ndarray]) -> np.ndarray:
    """Call *read* with the number of the first line and lines without the last line break; concatenate its results."""
    parts, start, number = [], 0, 1
    end = len(body) - body.endswith(b"\n")
    while start <= end:
        stop = body.find(b"\n", start + CHUNK_BYTES, end)
        stop = end if stop < 0 else stop
        chunk = body[start:stop]
        parts.append(read(number, chunk))
        number += chunk.count(b"\n") + 1
        start = stop + 1
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _loads(line: bytes, number: int) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"line {number} cannot be read: {error}") from error
