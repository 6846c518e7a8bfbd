"""Recognition of the files that list images, in a folder or by their own path.

labels or metadata, as .csv, .jsonl or .parquet         tables; metadata is Hugging Face's imagefolder
*coco.json, instances_*.json, annotations.json, labels.json     COCO JSON, if it has its lists
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from traffic_signs.data.sources.discovery import READ_ERRORS, Files, Source
from traffic_signs.data.sources.layouts.listed import coco, columns, rows, tables
from traffic_signs.data.sources.layouts.listed.rows import Lookup
from traffic_signs.errors import DataError
from traffic_signs.images import preprocessing

_TABLE = re.compile(r"(?:^|/)(labels|metadata)\.(?:csv|jsonl|parquet)$", re.IGNORECASE)
_COCO = re.compile(r"(?:coco|/instances_[^/]*|^instances_[^/]*|(?:^|/)(?:annotations|labels))\.json$", re.IGNORECASE)


def is_list(path: Path) -> bool:
    """Return whether *path* is a file that lists images, by its suffix."""
    return path.is_file() and path.suffix.lower() in (*tables.SUFFIXES, ".json")


def read_list(path: Path) -> Source:
    """Read the images that the file *path* lists, with paths relative to its folder.

    Raises:
        DataError: as `read` does.
    """
    data = _data(path.name, path.read_bytes)
    find = rows.beside(path.parent)
    if path.suffix.lower() == ".json":
        return _of_coco({path.name: coco.parse(path.name, data)}, find)
    return _of_tables([tables.read(path.name, data)], find)


def read(files: Files) -> Source | None:
    """Find the images that tables or COCO files among *files* list; return None if there are no such files.

    A table without a column of paths, such as one with the names of the classes, lists none.

    Raises:
        DataError: there are lists of several kinds, or one has an error, which the message names with its row.
    """
    images = [name for name in files if PurePosixPath(name).suffix.lower() in preprocessing.SUFFIXES]
    found = [tables.read(name, _data(name, files[name].read)) for name in files if _TABLE.search(name)]
    listing = [table for table in found if columns.has_paths(table)]
    contents = {name: coco.parse(name, _data(name, files[name].read)) for name in files if _COCO.search(name)}
    contents = {name: content for name, content in contents.items() if coco.is_coco(content)}
    if found and not listing and not contents and len({PurePosixPath(name).parent for name in images}) < 2:
        listing = found  # no folders of classes either, so the missing column is the error
    kinds = {PurePosixPath(table.name).name.lower(): table.name for table in listing}
    kinds |= dict.fromkeys(["COCO"] if contents else [], next(iter(contents), ""))
    if len(kinds) > 1:
        raise DataError(f"{' and '.join(list(kinds.values())[:2])} both list images; remove one of them")
    if not kinds:
        return None
    find = rows.in_files(files)
    source = _of_tables(listing, find) if listing else _of_coco(contents, find)
    return replace(source, belonging=frozenset([*(table.name for table in listing), *contents]))


def _of_tables(found: Sequence[tables.Table], find: Lookup) -> Source:
    read = [(table, *columns.read(table)) for table in found]
    source = rows.source("a table of images", [row for _, part, _ in read for row in part], find)
    unread = (
        f"{table.name}: columns that are not read: {', '.join(other or '(without a name)' for other in others)}"
        for table, _, others in read
        if others
    )
    return replace(source, warnings=tuple(unread))


def _of_coco(contents: dict[str, Any], find: Lookup) -> Source:
    read = [coco.read(name, content, find) for name, content in contents.items()]
    if len(read) > 1 and (unknown := [name for name, part in zip(contents, read, strict=True) if part.part is None]):
        raise DataError(
            f"{unknown[0]}: neither the file's name nor its folder names a part; rename one of them to train, val or"
            " test"
        )
    if len(read) == 1:  # whatever its name says, all images are to be split
        listed = [replace(row, part=None) for row in read[0].rows]
    else:
        listed = [row for part in read for row in part.rows]
    order = dict.fromkeys(name for part in read for name in part.names)
    source = rows.source("COCO JSON", listed, find, order)
    unused = [name for name in order if name not in source.names]
    warnings = [f"categories without images are no classes: {', '.join(unused)}"] if unused else []
    return replace(source, warnings=tuple(warnings))


def _data(name: str, read: Callable[[], bytes]) -> bytes:
    try:
        return read()
    except READ_ERRORS as error:
        raise DataError(f"{name} cannot be read ({error})") from error
