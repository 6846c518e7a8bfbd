"""Boxes of the objects in images, in pixels from the upper left corner."""

from typing import Any

from traffic_signs.data.sources.layouts.listed import values
from traffic_signs.errors import DataError
from traffic_signs.images.preprocessing import Box

EDGES = (("left", "top", "right", "bottom"), ("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"))
CORNER_AND_SIZE = ("x", "y", "width", "height")


def of_edges(where: str, columns: tuple[str, ...], found: list[Any]) -> Box:
    """Return the box with the values *found* in *columns*: left, top, right, bottom.

    Raises:
        DataError: a value is no finite number, they are fractions of the image's sides, or the box has no area.
    """
    left, top, right, bottom = (values.number(where, *item) for item in zip(columns, found, strict=True))
    _check_pixels(where, (left, top, right, bottom))
    if left >= right or top >= bottom:
        raise DataError(f"{where}: the box from {left:g}, {top:g} to {right:g}, {bottom:g} has no area")
    return left, top, right, bottom


def of_corner_and_size(where: str, columns: tuple[str, ...], found: Any) -> Box:
    """Return the box with the values *found* in *columns*: x, y, width, height.

    Raises:
        DataError: they are no four finite numbers, or fractions of the image's sides, or the box has no area.
    """
    if not isinstance(found, list) or len(found) != 4:
        raise DataError(f"{where}: the box is {found!r}; expected [x, y, width, height]")
    x, y, width, height = (values.number(where, *item) for item in zip(columns, found, strict=True))
    _check_pixels(where, (x, y, width, height))
    return of_edges(where, columns, [x, y, x + width, y + height])


def _check_pixels(where: str, numbers: tuple[float, ...]) -> None:
    """Refuse fractions of the image's sides, as YOLO and others write them; read as pixels they are a corner."""
    if all(0 <= number <= 1 for number in numbers) and not all(number in (0, 1) for number in numbers):
        shown = ", ".join(f"{number:g}" for number in numbers)
        raise DataError(f"{where}: the box {shown} has fractions of the image's sides; expected pixels")
