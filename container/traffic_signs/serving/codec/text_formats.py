"""JSON, JSON lines and CSV -> uint8 [N, 32, 32, 1].

    lines -> pieces of a megabyte -> lists of Python numbers, some 8 bytes each -> pixels, one byte each

Every kind is parsed by orjson, a line of CSV as a JSON array without brackets, and every number
is checked: `numpy.asarray` would turn one long string among many short ones into gigabytes.
"""

import base64
import codecs
from array import array
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import orjson

from traffic_signs import images
from traffic_signs.budget import Budget
from traffic_signs.errors import RequestError

_VALUES = images.SIZE * images.SIZE
_MAX_DIMENSIONS = 4
_PIECE = 1024 * 1024
"""Bytes of lines that are Python's objects at once; of a body of 100 MB they would take gigabytes."""
_ENVELOPES = ((b'{"instances": [', b"]}"), (b'{"instances":[', b"]}"), (b"[", b"]"))
_NESTED = tuple(
    (orjson.dumps([[[]] * images.SIZE] * images.SIZE).replace(b",", comma), comma) for comma in (b", ", b",")
)
"""The brackets and commas of an image [32, 32, 1], and the comma between images."""


def from_json(body: bytes, budget: Budget) -> np.ndarray:
    """Read `{"instances": [...]}` or the bare array: pixels as `images.as_pixels` takes them, or `{"b64": ...}` each.

    Raises:
        RequestError: something else.
        ImageError: an image or pixels that the model cannot take.
    """
    pieces = _pieces(body)
    if len(pieces) > 1:
        arrays = [array for piece in pieces if (array := _plain(piece)) is not None]
        if len(arrays) == len(pieces) and len({array.shape[1:] for array in arrays}) == 1:
            return np.concatenate([images.as_pixels(array) for array in arrays])
    elif (array := _from_nested_json(body)) is not None:
        return array
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"the body is not JSON: {error}") from error
    if isinstance(content, dict) and "instances" in content:
        content = content["instances"]
    if not isinstance(content, list):
        raise RequestError('expected an array of images, or a JSON object with one under the key "instances"')
    return _pixels(content, body, budget)


def _pieces(body: bytes) -> list[bytes]:
    """Cut a large array of arrays of numbers into arrays of about a megabyte each; the bare body if it is no such.

    While orjson reads, nothing else runs in the process, /ping neither.
    """
    start, end = next((pair for pair in _ENVELOPES if body.startswith(pair[0]) and body.endswith(pair[1])), (b"", b""))
    place, limit = len(start), len(body) - len(end)
    if not start or limit - place < 2 * _PIECE or body.find(b'"', place) >= 0:
        return [body]
    pieces = []
    while place < limit:
        looked, depth = place, -1
        stop = body.find(b"],", place + _PIECE, limit)
        while stop >= 0:
            depth = max(depth, 0) + body.count(b"[", looked, stop + 1) - body.count(b"]", looked, stop + 1)
            if not depth:
                break
            looked, stop = stop + 1, body.find(b"],", stop + 1, limit)
        stop = limit if stop < 0 else stop + 1
        pieces.append(b"[%b]" % body[place:stop])
        place = stop + 1
    return pieces


def _plain(piece: bytes) -> np.ndarray | None:
    """Read an array of arrays of numbers, of any shape; None if it is something else."""
    if (pixels := _from_nested_json(piece)) is not None:
        return pixels
    try:
        content = orjson.loads(piece)
        return _array(content, piece) if set(map(type, content)) == {list} else None
    except (orjson.JSONDecodeError, RequestError):  # of which the whole body will say more
        return None


def _from_nested_json(body: bytes) -> np.ndarray | None:
    """Read whole numbers of shape [N, 32, 32, 1] as json and orjson write them; None for anything else.

    A list for every pixel takes far longer to make than its number, and memory besides.
    Without its digits the text of such an array is always the same, so that comparing it checks all brackets, and
    then only where the digits were is left to see to.
    """
    start, end = next((pair for pair in _ENVELOPES if body.startswith(pair[0] + b"[[[")), (b"", b""))
    if not start:
        return None
    skeleton = body.translate(None, b"0123456789")
    for image, comma in _NESTED:
        number, rest = divmod(len(skeleton) - len(start) - len(end) + len(comma), len(image) + len(comma))
        if not rest and skeleton == start + comma.join([image] * number) + end and _digits_are_inside(body, end):
            try:
                values = bytes(orjson.loads(b"[%b]" % body[len(start) : -len(end)].translate(None, b"[]")))
                return np.frombuffer(values, np.uint8).reshape(number, *images.SHAPE)
            except ValueError:  # a number is missing, too large or starts with 0: the usual way says so
                return None
    return None


def _digits_are_inside(body: bytes, end: bytes) -> bool:
    """Say whether no digit stands before an opening bracket or behind a closing one, or brace."""
    text = np.frombuffer(body, np.uint8)
    for start in range(0, len(text), _PIECE):
        piece = text[start : start + _PIECE + 1]
        digits = piece - ord("0") < 10  # of unsigned numbers, so that what comes before "0" is large
        if (digits[:-1] & (piece[1:] == ord("["))).any() or (digits[1:] & (piece[:-1] == ord("]"))).any():
            return False
    return body.endswith(end)


def from_json_lines(body: bytes, budget: Budget) -> np.ndarray:
    """Read one image a line: 32 rows of 32 values, or `{"b64": ...}`.

    Raises:
        RequestError: something else; the message has the line's number.
        ImageError: an image or pixels that the model cannot take.
    """

    def read(number: int, piece: bytes) -> np.ndarray:
        records = [_loads(line, number + index) for index, line in enumerate(piece.split(b"\n"))]
        pixels = _pixels(records, piece, budget, number - 1)
        if len(pixels) != len(records):  # rows of one image, a line each
            raise RequestError(
                f'a line has no image of its own; expected {images.SIZE} x {images.SIZE} values or {{"b64"}}'
            )
        return pixels

    return _by_pieces(body, read)


def from_csv(body: bytes, _budget: Budget) -> np.ndarray:
    """Read one image a line: its 1024 values, row by row; no header.

    Raises:
        RequestError: something else; the message has the line's number.
        ImageError: values that the model cannot take.
    """
    return _by_pieces(body.removeprefix(codecs.BOM_UTF8), _read_csv)  # which spreadsheets write


def _read_csv(number: int, piece: bytes) -> np.ndarray:
    rows = []
    for line in piece.split(b"\n"):
        rows.append(_loads(b"[" + line + b"]", number))
        if len(rows[-1]) != _VALUES:
            raise RequestError(f"line {number} has {len(rows[-1])} values; expected {_VALUES:,}")
        number += 1
    values = _array(rows, piece)
    if values.ndim != 2:
        raise RequestError("a line holds an array; expected plain values")
    return images.as_pixels(values.reshape(-1, *images.SHAPE))


def _by_pieces(body: bytes, read: Callable[[int, bytes], np.ndarray]) -> np.ndarray:
    """Call *read* with lines, no line break behind the last, and the number of the first; join what it returns."""
    parts, start, number = [], 0, 1
    end = len(body) - body.endswith(b"\n")
    while start <= end:
        stop = body.find(b"\n", start + _PIECE, end)
        stop = end if stop < 0 else stop
        piece = body[start:stop]
        parts.append(read(number, piece))
        number += piece.count(b"\n") + 1
        start = stop + 1
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _loads(line: bytes, number: int) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"line {number} cannot be read: {error}") from error


def _pixels(instances: list[Any], body: bytes, budget: Budget, first: int = 0) -> np.ndarray:
    """Read *instances*, which *body* holds; *first* is the index of the first, for messages."""
    kinds = set(map(type, instances))
    if kinds == {dict}:
        files = [_file(instance, index) for index, instance in enumerate(instances, first)]
        return images.decode_all(files, budget, first)
    if dict in kinds:
        raise RequestError('images come either all as arrays or all as {"b64": ...}')
    return images.as_pixels(_array(instances, body))


def _file(instance: dict[str, Any], index: int) -> bytes:
    text = instance.get("b64")
    if not isinstance(text, str) or len(instance) > 1:
        raise RequestError(f'instance {index} is no array and not {{"b64": "..."}}')
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise RequestError(f"instance {index} is not base64: {error}") from error


def _array(values: list[Any], body: bytes) -> np.ndarray:
    """Turn nested lists of numbers into uint8 where all are whole and fit, else float64.

    Faster than `numpy.asarray` for whole numbers: `bytes` checks them while it copies.
    """
    shape, rows = [len(values)], [values]
    while rows[0] and type(rows[0][0]) is list:
        rows = rows[0] if len(rows) == 1 else list(chain.from_iterable(rows))
        if set(map(type, rows)) != {list} or len(set(map(len, rows))) != 1:
            raise RequestError("the instances are not all of the same shape")
        shape.append(len(rows[0]))
        if len(shape) > _MAX_DIMENSIONS:
            raise RequestError(f"pixels of more than {_MAX_DIMENSIONS} dimensions; expected [N, 32, 32]")
    if shape[-1] < images.SIZE:  # channels: joining so short rows takes longer than making one of them
        rows = [list(chain.from_iterable(rows))]
    if _has_booleans(body) and bool in map(type, chain.from_iterable(rows)):
        raise RequestError("pixels must be numbers, not true or false")
    try:
        return np.frombuffer(b"".join(map(bytes, rows)), np.uint8).reshape(shape)
    except (TypeError, ValueError):  # not whole, or not from 0 to 255
        pass
    try:
        return np.frombuffer(array("d", list(chain.from_iterable(rows))), np.float64).reshape(shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise RequestError("pixels must be numbers, each image of the same shape") from error


def _has_booleans(body: bytes) -> bool:
    """Say whether JSON may hold true or false, which `bytes` and `array` take for 1 and 0; a letter is found faster."""
    return (b"u" in body and b"true" in body) or (b"f" in body and b"false" in body)
