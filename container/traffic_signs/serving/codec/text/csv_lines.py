"""Decoder of CSV: an image on each line, its 1,024 values row by row -> uint8 [N, 32, 32, 1].

    plain integers, separated by commas    orjson parses a line as a JSON array without brackets
    anything else                          csv splits it into fields, and each must be a whole number from 0 to 255

The second way reads what spreadsheets and libraries write besides: `;` or tabs, quotes, a separator behind the last
value, `+5`, `5.`, `007`, a line of column names. Its errors name line and column.
"""

import csv
import re
from functools import partial

import numpy as np
import orjson

from traffic_signs.errors import RequestError
from traffic_signs.images import preprocessing
from traffic_signs.images.decode_budget import Budget
from traffic_signs.serving.codec.text.json_arrays import array_from_lists
from traffic_signs.serving.codec.text.lines import read_by_chunks

_VALUES = preprocessing.SIZE * preprocessing.SIZE
_SEPARATORS = (",", ";", "\t")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_MAX_SEPARATORS = 4 * _VALUES
"""A line with more is not split: its fields would take many times its memory."""
_EXPECTED = "expected a whole number from 0 to 255"
_COLUMN_NUMBERS = [str(number) for number in range(_VALUES)]


def from_csv(body: bytes, _budget: Budget) -> np.ndarray:
    """Decode one image on each line; a first line of 1,024 distinct names, none of them a number, is a header.

    Values are separated by a comma, else by `;`, else by a tab, whichever the first line has.

    Raises:
        RequestError: the body is something else; the message has line and column.
    """
    end = body.find(b"\n")
    if end < 0 and b"\r" in body:  # as spreadsheets on a Mac may write
        body = body.replace(b"\r", b"\n")
        end = body.find(b"\n")
    first = body if end < 0 else body[:end]
    separator = "," if b"," in first else ";" if b";" in first else "\t" if b"\t" in first else ","
    if first[:1].isdigit() or not _is_header(first, separator):
        return read_by_chunks(body, partial(_read, separator))
    body = body[len(first) + 1 :]
    if not body.strip():
        raise RequestError("no images: line 1 has the names of the columns, and no line follows it")
    return read_by_chunks(body, partial(_read, separator), number=2)


def _read(separator: str, number: int, chunk: bytes) -> np.ndarray:
    lines = chunk.split(b"\n")
    if separator == ",":
        try:
            rows = [orjson.loads(b"[%b]" % line) for line in lines]
            if set(map(len, rows)) == {_VALUES} and (values := array_from_lists(rows, chunk)).ndim == 2:
                return preprocessing.as_pixels(values.reshape(-1, *preprocessing.SHAPE))
        except (orjson.JSONDecodeError, RequestError):  # read again: perhaps written otherwise, or else with a place
            pass
    rows = [_row(line, separator, index) for index, line in enumerate(lines, number)]
    return np.stack(rows).reshape(-1, *preprocessing.SHAPE)


def _is_header(line: bytes, separator: str) -> bool:
    try:
        names = _fields(line, separator, 1)
    except RequestError:
        return False
    return len(set(names)) == len(names) == _VALUES and not any(map(_NUMBER.fullmatch, names))


def _row(line: bytes, separator: str, number: int) -> np.ndarray:
    """Return the values of *line*, uint8 [1024]."""
    fields = _fields(line, separator, number)
    if len(fields) != _VALUES:
        raise RequestError(_describe_count(len(fields), line, separator, number))
    try:
        values = np.array(list(map(float, fields)))
    except ValueError:
        values = np.full(_VALUES, -1.0)
    valid = (values >= 0) & (values <= 255) & (values == np.floor(values))
    # Python's float also reads other digits than those of ASCII, and underscores between digits
    if valid.all() and line.isascii() and b"_" not in line:
        return values.astype(np.uint8)
    for column, field in enumerate(fields, 1):
        if not _NUMBER.fullmatch(field) or not float(field).is_integer() or not 0 <= float(field) <= 255:
            if number == 1 and fields == _COLUMN_NUMBERS:
                raise RequestError("line 1 has the column numbers 0 to 1,023; leave it out (pandas: header=False)")
            shown = repr(field[:50]) if field else "empty"
            raise RequestError(f"line {number}, column {column:,} is {shown}; {_EXPECTED}, not scaled", (shown,))
    return values.astype(np.uint8)  # the line has an underscore or another character in its white space only


def _fields(line: bytes, separator: str, number: int) -> list[str]:
    """Split *line*; a separator behind its last value begins no field."""
    if (count := line.count(separator.encode())) > _MAX_SEPARATORS:
        raise RequestError(_describe_count(count + 1, line, separator, number))
    try:
        text = line.decode().replace("\r", " ").strip(" ")
        fields = next(csv.reader([text], delimiter=separator, skipinitialspace=True, strict=True))
    except UnicodeDecodeError as error:
        raise RequestError(f"line {number} is not UTF-8: {error.reason} at byte {error.start} of the line") from error
    except csv.Error as error:
        raise RequestError(f"line {number} cannot be read: {error}") from error
    fields = [field.strip() for field in fields]
    return fields[:-1] if len(fields) == _VALUES + 1 and not fields[-1] else fields


def _describe_count(count: int, line: bytes, separator: str, number: int) -> str:
    if not line.strip():
        return f"line {number} is blank; expected an image on each line"
    text = f"line {number} has {count:,} value{'s' * (count != 1)}; expected {_VALUES:,}"
    if count == _VALUES + 1:
        return f"{text}, without a column of labels or row numbers"
    others = [other for other in _SEPARATORS if other != separator and other.encode() in line]
    return f"{text}, and it is separated by {separator!r}" if others else text
