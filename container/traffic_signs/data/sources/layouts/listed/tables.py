"""Tables of records with named columns: CSV, JSON lines, Parquet.

bytes -> read -> Table
"""

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from traffic_signs.errors import DataError


@dataclass(frozen=True)
class Table:
    """Records of a table."""

    name: str
    columns: tuple[str, ...]
    records: list[tuple[str, dict[str, Any]]]
    """The place of each record, such as `labels.csv, line 7`, and its values by column."""


def read(name: str, data: bytes) -> Table:
    """Read the table of the file *name*, whose suffix is in `SUFFIXES`.

    Raises:
        DataError: the bytes are no such table, a row has another number of values than there are columns, two columns
            have the same name, or Parquet's package is missing.
    """
    columns, records = _READERS[name[name.rfind(".") :].lower()](name, data)
    if twice := [column for index, column in enumerate(columns) if column in columns[:index]]:
        raise DataError(f"{name} has two columns {twice[0]}")
    if not records:
        raise DataError(f"{name} has no rows")
    return Table(name, columns, records)


_Content = tuple[tuple[str, ...], list[tuple[str, dict[str, Any]]]]


def _csv(name: str, data: bytes) -> _Content:
    text = _text(name, data)
    head = text.lstrip().split("\n", 1)[0]
    delimiter = "," if "," in head else next((other for other in ";\t" if other in head), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True, strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if any(value.strip() for value in row)]
    except csv.Error as error:
        raise DataError(f"{name}, line {reader.line_num}: {error}") from error
    columns = tuple(column.strip() for column in rows[0][1]) if rows else ()
    records = []
    for line, row in rows[1:]:
        if len(row) != len(columns):
            raise DataError(f"{name}, line {line}: {len(row)} values; expected {len(columns)}, as the header has")
        records.append((f"{name}, line {line}", dict(zip(columns, row, strict=True))))
    return columns, records


def _json_lines(name: str, data: bytes) -> _Content:
    records = []
    for line, text in enumerate(_text(name, data).split("\n"), 1):
        if not text.strip():
            continue
        try:
            record = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise DataError(f"{name}, line {line}: not JSON ({error})") from error
        if not isinstance(record, dict):
            raise DataError(f"{name}, line {line}: expected a JSON object")
        records.append((f"{name}, line {line}", record))
    return tuple(dict.fromkeys(key for _, record in records for key in record)), records


def _parquet(name: str, data: bytes) -> _Content:
    try:
        import pyarrow as pa  # noqa: PLC0415 - 170 MB, which the image does not have
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise DataError(
            f"{name}: Parquet is read with pyarrow, which is not installed here: pip install pyarrow (the extra"
            " parquet), or save the table as CSV"
        ) from error
    try:
        table = parquet.read_table(pa.BufferReader(data))
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{name} is not a Parquet table ({str(error).splitlines()[0]})") from error
    records = [(f"{name}, row {row}", record) for row, record in enumerate(_records(table), 1)]
    return tuple(table.column_names), records


def _records(table: Any) -> Iterator[dict[str, Any]]:
    yield from table.to_pylist()


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{name}, line {line}: not UTF-8 ({error.reason})") from error


_READERS: dict[str, Callable[[str, bytes], _Content]] = {".csv": _csv, ".jsonl": _json_lines, ".parquet": _parquet}
SUFFIXES = tuple(_READERS)
