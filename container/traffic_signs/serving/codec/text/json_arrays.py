"""Decoder of JSON arrays: parsed JSON, or its text -> uint8 [N, 32, 32, 1], as fast as the form allows.

    a megabyte of text -> lists of Python numbers, some 8 bytes each -> pixels, one byte each
    text of integers [N, 32, 32, 1], the usual form                -> pixels directly

Every number is checked: `numpy.asarray` would turn one long string among many short ones into gigabytes.
"""

from array import array
from itertools import chain
from typing import Any

import numpy as np
import orjson

from traffic_signs.errors import RequestError
from traffic_signs.images import preprocessing
from traffic_signs.serving.codec.text import faults
from traffic_signs.serving.codec.text.faults import Place

_MAX_DIMENSIONS = 4
CHUNK_BYTES = 1024 * 1024
"""Text that is held as Python objects at a time; those of a body of 100 MB would take gigabytes."""
_ENVELOPES = ((b'{"instances": [', b"]}"), (b'{"instances":[', b"]}"), (b"[", b"]"))
_NESTED = tuple(
    (orjson.dumps([[[]] * preprocessing.SIZE] * preprocessing.SIZE).replace(b",", comma), comma)
    for comma in (b", ", b",")
)
"""The brackets and commas of an image [32, 32, 1], and the comma between two images."""


def split(body: bytes) -> list[bytes]:
    """Split a large array of arrays of numbers into arrays of about a megabyte; return any other body as it is.

    While orjson parses, nothing else runs in the process, not even /ping.
    """
    start, end = next((pair for pair in _ENVELOPES if body.startswith(pair[0]) and body.endswith(pair[1])), (b"", b""))
    position, limit = len(start), len(body) - len(end)
    if not start or limit - position < 2 * CHUNK_BYTES or body.find(b'"', position) >= 0:
        return [body]
    chunks = []
    while position < limit:
        scanned, depth = position, -1
        stop = body.find(b"],", position + CHUNK_BYTES, limit)
        while stop >= 0:
            depth = max(depth, 0) + body.count(b"[", scanned, stop + 1) - body.count(b"]", scanned, stop + 1)
            if not depth:
                break
            scanned, stop = stop + 1, body.find(b"],", stop + 1, limit)
        stop = limit if stop < 0 else stop + 1
        chunks.append(b"[%b]" % body[position:stop])
        position = stop + 1
    return chunks


def parse_numbers(chunk: bytes) -> np.ndarray | None:
    """Parse an array of arrays of numbers, of any shape; return None for anything else."""
    if (pixels := pixels_from_nested_json(chunk)) is not None:
        return pixels
    try:
        content = orjson.loads(chunk)
        return array_from_lists(content, chunk) if set(map(type, content)) == {list} else None
    except (orjson.JSONDecodeError, RequestError):  # parsing the whole body gives a better message
        return None


def pixels_from_nested_json(body: bytes) -> np.ndarray | None:
    """Parse integers of shape [N, 32, 32, 1] as written by json and orjson; return None for anything else.

    A list for every pixel takes far longer to make than its number, and more memory. Without its digits the text of
    such an array is always the same, so comparing that text checks all brackets, and only the places of the digits
    remain to be checked.
    """
    start, end = next((pair for pair in _ENVELOPES if body.startswith(pair[0] + b"[[[")), (b"", b""))
    if not start:
        return None
    skeleton = body.translate(None, b"0123456789")
    for image, comma in _NESTED:
        number, rest = divmod(len(skeleton) - len(start) - len(end) + len(comma), len(image) + len(comma))
        if not rest and skeleton == start + comma.join([image] * number) + end and _digits_are_innermost(body, end):
            try:
                values = bytes(orjson.loads(b"[%b]" % body[len(start) : -len(end)].translate(None, b"[]")))
                return np.frombuffer(values, np.uint8).reshape(number, *preprocessing.SHAPE)
            except ValueError:  # a number is missing, too large or starts with 0: the caller parses all of it
                return None
    return None


def _digits_are_innermost(body: bytes, end: bytes) -> bool:
    """Return whether no digit is before an opening bracket, or after a closing bracket or brace."""
    text = np.frombuffer(body, np.uint8)
    for start in range(0, len(text), CHUNK_BYTES):
        chunk = text[start : start + CHUNK_BYTES + 1]
        digits = chunk - ord("0") < 10  # unsigned, so that characters before "0" become large numbers
        if (digits[:-1] & (chunk[1:] == ord("["))).any() or (digits[1:] & (chunk[:-1] == ord("]"))).any():
            return False
    return body.endswith(end)


def array_from_lists(values: list[Any], body: bytes, place: Place = "[{}]".format) -> np.ndarray:
    """Convert nested lists of numbers to uint8 if all are integers in its range, else to float64.

    This is faster than `numpy.asarray` for integers, because `bytes` checks them while it copies.

    Args:
        values: parsed from *body*.
        body: the text.
        place: where each value is in the body, for messages.

    Raises:
        RequestError: a value is not a number, or not all are of one shape; the message says where.
    """
    shape, rows = [len(values)], [values]
    while rows[0] and type(rows[0][0]) is list:
        rows = rows[0] if len(rows) == 1 else list(chain.from_iterable(rows))
        if set(map(type, rows)) != {list} or len(set(map(len, rows))) != 1:
            raise faults.find(values, place)
        shape.append(len(rows[0]))
        if len(shape) > _MAX_DIMENSIONS:
            raise RequestError(f"pixels of more than {_MAX_DIMENSIONS} dimensions; expected [N, 32, 32]")
    if shape[-1] < preprocessing.SIZE:  # channels: joining such short rows takes longer than making one row of them
        rows = [list(chain.from_iterable(rows))]
    if _has_booleans(body) and bool in map(type, chain.from_iterable(rows)):
        raise faults.find(values, place)
    try:
        return np.frombuffer(b"".join(map(bytes, rows)), np.uint8).reshape(shape)
    except (TypeError, ValueError):  # not integers, or not from 0 to 255
        pass
    try:
        return np.frombuffer(array("d", list(chain.from_iterable(rows))), np.float64).reshape(shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise faults.find(values, place) from error


def _has_booleans(body: bytes) -> bool:
    """Return whether *body* may hold true or false, which `bytes` and `array` take for 1 and 0."""
    # a letter is found faster than a word
    return (b"u" in body and b"true" in body) or (b"f" in body and b"false" in body)
