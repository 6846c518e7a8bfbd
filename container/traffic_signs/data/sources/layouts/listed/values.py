"""Values of lists of images: text and numbers, whatever the kind of list."""

import math
from typing import Any

from traffic_signs.errors import DataError


def text(where: str, name: str, value: Any) -> str:
    """Return *value* as text.

    Raises:
        DataError: it is missing, or neither text nor a number; the message begins with *where* and *name*.
    """
    if isinstance(value, dict | list | bytes | bool):
        raise DataError(f"{where}: {name} is of type {type(value).__name__}; expected text or a whole number")
    if is_missing(value):
        raise DataError(f"{where}: no {name}")
    if isinstance(value, float) and value.is_integer():  # a whole number of a column where others are missing
        value = int(value)
    return str(value).strip()


def number(where: str, name: str, value: Any) -> float:
    """Return *value* as a finite number.

    Raises:
        DataError: it is none; the message begins with *where* and *name*.
    """
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise DataError(f"{where}: {name} is {value!r}; expected a number")
    return found


def is_missing(value: Any) -> bool:
    """Return whether there is no value: None, NaN, or nothing but spaces."""
    return value is None or (isinstance(value, float) and math.isnan(value)) or not str(value).strip()
