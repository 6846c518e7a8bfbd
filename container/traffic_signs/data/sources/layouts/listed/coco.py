"""COCO JSON with one box an image.

{"images": [{"id", "file_name"}], "annotations": [{"image_id", "category_id", "bbox"}], "categories": [{"id", "name"}]}
(https://cocodataset.org/#format-data). A name or a folder such as `instances_val2017.json` or `valid/` names the part.
"""

import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from traffic_signs.data.sources.layouts.listed import boxes, rows, values
from traffic_signs.data.sources.layouts.listed.rows import Lookup, Row
from traffic_signs.errors import DataError

_LISTS = ("images", "annotations", "categories")


@dataclass(frozen=True)
class Annotations:
    """Content of one COCO file."""

    rows: list[Row]
    names: list[str]
    """Names of the declared categories, in the order of their ids."""
    part: str | None
    """The part that the file's name or folder names; None if neither does."""


def is_coco(content: Any) -> bool:
    """Return whether parsed JSON has images and annotations as COCO does."""
    return isinstance(content, dict) and all(isinstance(content.get(name), list) for name in _LISTS[:2])


def parse(name: str, data: bytes) -> Any:
    """Return the content of the JSON file *name*.

    Raises:
        DataError: it is not JSON.
    """
    try:
        return orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise DataError(f"{name} is not JSON ({error})") from error


def read(name: str, content: Any, find: Lookup) -> Annotations:
    """Return what the COCO file *name* lists.

    Raises:
        DataError: a list, a key or an image file is missing, an id is declared twice or not at all, or an image has
            several annotations.
    """
    images, annotations, categories = (_entries(name, content, key) for key in _LISTS)
    class_of = _by_id(categories, "name")
    if len(set(class_of.values())) < len(class_of):
        twice = next(text for text in class_of.values() if list(class_of.values()).count(text) > 1)
        raise DataError(f"{name}: two categories are called {twice!r}")
    path_of = _by_id(images, "file_name")
    part = rows.part_of(posixpath.basename(name)) or rows.part_of(posixpath.basename(posixpath.dirname(name)))
    found: dict[Any, Row] = {}
    for where, entry in annotations:
        image, category = (_id(where, entry, key) for key in ("image_id", "category_id"))
        if image not in path_of:
            raise DataError(f"{where}: image_id {image} is not in images")
        if category not in class_of:
            raise DataError(f"{where}: category_id {category} is not in categories")
        if image in found:
            raise DataError(
                f"{where}: two boxes for {path_of[image]}, and one box an image is read; {found[image].where} has the"
                " first"
            )
        box = boxes.of_corner_and_size(where, boxes.CORNER_AND_SIZE, entry.get("bbox"))
        found[image] = Row(where, path_of[image], class_of[category], part, box=box)
    names = [class_of[key] for key in sorted(class_of, key=lambda key: (isinstance(key, str), key))]
    return Annotations(_placed(name, list(found.values()), find), names, part)


def _entries(name: str, content: Any, key: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the objects of a list with their places, such as `coco.json, images[3]`."""
    entries = content.get(key) if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise DataError(f"{name} has no list {key}; COCO JSON has {', '.join(_LISTS)}")
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise DataError(f"{name}, {key}[{index}]: expected a JSON object")
    return [(f"{name}, {key}[{index}]", entry) for index, entry in enumerate(entries)]


def _by_id(entries: list[tuple[str, dict[str, Any]]], key: str) -> dict[Any, str]:
    found: dict[Any, str] = {}
    for where, entry in entries:
        number = _id(where, entry, "id")
        if number in found:
            raise DataError(f"{where}: the id {number} is declared twice")
        found[number] = values.text(where, key, entry.get(key))
    return found


def _id(where: str, entry: dict[str, Any], key: str) -> int | str:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise DataError(f"{where}: {key} is {value!r}; expected a whole number")
    return value


def _placed(name: str, found: Sequence[Row], find: Lookup) -> list[Row]:
    """Return the rows with the paths of their files, from the one folder, of those that are usual, that has them."""
    top, stem = posixpath.dirname(name), posixpath.basename(name).rsplit(".", 1)[0]
    year = stem.removeprefix("instances_")
    usual = ["", "images", "data", f"../{year}", f"../images/{year}", "../images", f"images/{year}", year, ".."]
    folders = [posixpath.normpath(posixpath.join(top, folder)) for folder in usual]
    best = max(
        folders, key=lambda folder: sum(find(posixpath.join(folder, row.path)) is not None for row in found[:100])
    )
    return [replace(row, path=posixpath.normpath(posixpath.join(best, row.path))) for row in found]
