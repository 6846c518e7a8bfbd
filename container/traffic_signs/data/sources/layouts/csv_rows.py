"""Rows of a CSV table, with column names compared without regard to case and spaces around them."""

import csv
import io

from traffic_signs.data.sources.discovery import READ_ERRORS, File
from traffic_signs.errors import DataError


def read(name: str, file: File, delimiter: str, required: tuple[str, ...]) -> list[dict[str, str]] | None:
    """Return the *required* columns of each row; None if the table lacks one of them.

    Raises:
        DataError: the file *name* cannot be read, is not CSV in UTF-8, or a row lacks a value.
    """
    try:
        text = file.read().decode("utf-8-sig")
        lines = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name} is not a CSV table in UTF-8 ({error})") from error
    except READ_ERRORS as error:
        raise DataError(f"{name} cannot be read ({error})") from error
    head = [column.strip().casefold() for column in lines[0]] if lines else []
    if any(column.casefold() not in head for column in required):
        return None
    places = {column: head.index(column.casefold()) for column in required}
    for row in lines[1:]:
        if len(row) <= max(places.values()):
            raise DataError(f"{name}: a row has no {' or no '.join(required)}: {delimiter.join(row)}")
    return [{column: row[place].strip() for column, place in places.items()} for row in lines[1:]]
