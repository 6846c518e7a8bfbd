"""Columns of a table that lists images, by their usual names.

    path        path, file, file_name, filepath, image, image_path
    label       label, class, class_id, class_name, category
    split       split: train, val or test, or another usual word
    track       track: images of one class with the same value show the same object
    box         left, top, right, bottom; xmin, ymin, xmax, ymax; x1, y1, x2, y2; or x, y, width, height, in pixels
    objects     of Hugging Face: {"bbox": [[x, y, width, height]], "categories": [label]}

Case, spaces and signs in the names of columns do not count.
"""

import posixpath
from typing import Any

from traffic_signs.data.sources.layouts.listed import boxes, values
from traffic_signs.data.sources.layouts.listed.rows import Row, part_of
from traffic_signs.data.sources.layouts.listed.tables import Table
from traffic_signs.errors import DataError
from traffic_signs.images.preprocessing import Box

_PATH = ("path", "file", "filename", "filepath", "image", "imagepath")
_LABEL = ("label", "class", "classid", "classname", "category")


def has_paths(table: Table) -> bool:
    """Return whether a column of *table* is one of paths."""
    return any(_key(column) in _PATH for column in table.columns)


def read(table: Table) -> tuple[list[Row], list[str]]:
    """Return the rows of *table*, and the columns that are not read.

    Raises:
        DataError: a column is missing or may be one of two, or a value is missing or of another kind.
    """
    objects = _column(table, ("objects",))
    path, label = _column(table, _PATH), _column(table, _LABEL)
    split, track = _column(table, ("split",)), _column(table, ("track",))
    if path is None or (label is None and objects is None):
        what, names = ("of paths", _PATH) if path is None else ("of labels", _LABEL)
        raise DataError(
            f"{table.name} has no column {what}: expected one of {', '.join(names)}; found {', '.join(table.columns)}"
        )
    box = () if objects else _box_columns(table)
    folder = posixpath.dirname(table.name)
    rows = []
    for where, record in table.records:
        one = _object(where, record.get(objects)) if objects else {}
        rows.append(
            Row(
                where,
                posixpath.join(folder, values.text(where, path, record.get(path))),
                values.text(where, label or "label", record.get(label) if label else one["label"]),
                _part(where, values.text(where, split, record.get(split))) if split else None,
                values.text(where, track, record.get(track)) if track else None,
                one["box"] if objects else _box(where, record, box),
            )
        )
    used = {path, label, objects, split, track, *box}
    return rows, [column for column in table.columns if column not in used]


def _key(column: str) -> str:
    return "".join(letter for letter in column.casefold() if letter.isalnum())


def _column(table: Table, names: tuple[str, ...]) -> str | None:
    """Return the column that has one of the *names*."""
    found = [column for column in table.columns if _key(column) in names]
    if len(found) > 1:
        raise DataError(
            f"{table.name} has the columns {' and '.join(found)}, and each may be the {names[0]}; rename one of them"
        )
    return found[0] if found else None


def _part(where: str, value: str) -> str:
    part = part_of(value)
    if part is None:
        raise DataError(f"{where}: split is {value!r}; expected train, val or test")
    return part


def _box_columns(table: Table) -> tuple[str, ...]:
    """Return the four columns of a box; none if there are none."""
    for names in (*boxes.EDGES, boxes.CORNER_AND_SIZE):
        found = {name: column for name in names if (column := _column(table, (name,)))}
        if found.keys() <= {"width", "height"}:  # of the image
            continue
        if missing := [name for name in names if name not in found]:
            raise DataError(f"{table.name} has the column {next(iter(found.values()))} of a box but no {missing[0]}")
        return tuple(found.values())
    return ()


def _box(where: str, record: dict[str, Any], columns: tuple[str, ...]) -> Box | None:
    found = [record.get(column) for column in columns]
    if all(map(values.is_missing, found)):
        return None
    if _key(columns[-1]) == "height":
        return boxes.of_corner_and_size(where, columns, found)
    return boxes.of_edges(where, columns, found)


def _object(where: str, objects: Any) -> dict[str, Any]:
    """Return box and label of the one object."""
    found = objects.get("bbox") if isinstance(objects, dict) else None
    if not isinstance(found, list) or len(found) != 1:
        count = f"{len(found)} boxes" if isinstance(found, list) else "no bbox"
        raise DataError(f"{where}: {count} in objects; one box an image is read")
    labels = objects.get("categories", objects.get("category"))
    label = labels[0] if isinstance(labels, list) and len(labels) == 1 else None
    return {"box": boxes.of_corner_and_size(where, boxes.CORNER_AND_SIZE, found[0]), "label": label}
