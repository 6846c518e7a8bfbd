"""Rows of a list of images, and the samples that they describe.

    table or COCO JSON -> Row -> samples, checked -> Source

Every error names the file and the row.
"""

import os.path
import posixpath
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from traffic_signs.data.sources.discovery import File, Files, Sample, Source
from traffic_signs.data.sources.layouts import parts as part_names
from traffic_signs.data.sources.layouts.folders import natural_order
from traffic_signs.data.sources.listing import folder as listing
from traffic_signs.data.sources.listing.names import Index
from traffic_signs.errors import DataError
from traffic_signs.images.preprocessing import Box

_MOST_SHOWN = 200
"""Characters of a path in a message; a cell of a table may hold a whole image."""
Lookup = Callable[[str], tuple[str, File] | None]
"""From a path as a list writes it, below the list's top: the file's name and the file, None if there is none."""


@dataclass(frozen=True)
class Row:
    """A labelled image as a list describes it."""

    where: str
    """The list and the row, such as `labels.csv, line 7`."""
    path: str
    label: str
    part: str | None = None
    """`training`, `validation` or `test`; None if the list does not say."""
    track: str | None = None
    box: Box | None = None


def part_of(text: str) -> str | None:
    """Return the one part that *text* names, such as `validation` for `instances_val2017`; None for none or several."""
    named = part_names.named(text)
    return named.pop() if len(named) == 1 else None


def in_files(files: Files) -> Lookup:
    """Look paths up among listed files."""
    index = Index(files)

    def find(path: str) -> tuple[str, File] | None:
        path = posixpath.normpath(path.replace("\\", "/"))
        name = None if path.startswith(("/", "../")) else index.find(path)
        return (name, files[name]) if name else None

    return find


def beside(folder: Path) -> Lookup:
    """Look paths up on the disk, relative to *folder*; absolute ones as they are."""

    @cache
    def index() -> Index:  # of paths that are written otherwise than the disk has them, so for few tables only
        return Index(listing.read(folder))

    def find(path: str) -> tuple[str, File] | None:
        place = folder / posixpath.normpath(path)
        if not _is_file(place):
            name = None if path.startswith("/") else index().find(path)
            if name is None:
                return None
            place = folder / name
        status = place.stat()
        return str(place), File(place.read_bytes, (status.st_size, status.st_mtime_ns))

    return find


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a path that is too long
        return False


def source(layout: str, rows: Sequence[Row], find: Lookup, order: Iterable[str] | None = None) -> Source:
    """Build the source that *rows* describe.

    Args:
        layout: name of the layout, for the summary.
        rows: one for each image.
        find: returns the file of a path.
        order: names of the classes in the order of their ids; by default natural order. Only those that have training
            images become classes.

    Raises:
        DataError: a path is not there, an image has several rows, a class has no training images, or only some of the
            images are in folders that name a part.
    """
    files = _unique(rows, find)
    parts = _parts(rows, [name for name, _ in files])
    trained = {row.label for row, part in zip(rows, parts, strict=True) if part == "training"}
    if not trained:
        raise DataError(f"{rows[0].where.split(',')[0] if rows else layout}: no training images are listed")
    names = tuple(name for name in order if name in trained) if order else tuple(sorted(trained, key=natural_order))
    ids = {name: index for index, name in enumerate(names)}
    samples: dict[str, list[Sample]] = {part: [] for part in part_names.NAMES}
    for row, part, (name, file) in zip(rows, parts, files, strict=True):
        if row.label not in ids:
            raise DataError(f"{row.where}: class {row.label!r} has no training images")
        track = name if row.track is None else f"{row.label}/{row.track}"
        samples[part].append(Sample(name, ids[row.label], track, file, row.box, row.where))
    return Source(layout, names, samples["training"], samples["validation"], samples["test"])


def _unique(rows: Sequence[Row], find: Lookup) -> list[tuple[str, File]]:
    """Return name and file of each row."""
    files = []
    first: dict[str, Row] = {}
    for row in rows:
        found = find(row.path)
        if found is None and "\\" in row.path:
            found = find(row.path.replace("\\", "/"))
        if found is None:
            raise DataError(f"{row.where}: {row.path[:_MOST_SHOWN]} is not there")
        other = first.setdefault(found[0], row)
        if other is not row:
            raise DataError(f"{row.where}: {_contradiction(row, other)}; {other.where} lists it first")
        files.append(found)
    return files


def _contradiction(row: Row, other: Row) -> str:
    if row.label != other.label:
        return f"{row.path} has two labels, {other.label!r} and {row.label!r}"
    if row.box != other.box:
        return f"{row.path} has two boxes, and one box an image is read"
    return f"{row.path} is listed twice"


def _parts(rows: Sequence[Row], names: Sequence[str]) -> list[str]:
    """Return the part of each row: its own, else that of its image's top folder; training if no folder names one."""
    if any(row.part for row in rows):
        return [row.part or "training" for row in rows]
    tops = _top_folders(names)
    known = {top: part for top in set(tops) if (part := part_of(top))}
    if not any(map(part_names.named, tops)):
        return ["training"] * len(rows)
    for row, top in zip(rows, tops, strict=True):
        if top not in known:
            place = f"none of the folders {', '.join(sorted(known))}, which name parts of the data set"
            raise DataError(
                f"{row.where}: {row.path} is in {place if known else f'{top}, which names several parts'};"
                " say in a column split to which part each image belongs"
            )
    return [known[top] for top in tops]


def _top_folders(names: Sequence[str]) -> list[str]:
    """Return the first folder in which the *names* differ, for each of them; empty where there is none."""
    folders = [name.split("/")[:-1] for name in names]
    shared = len(os.path.commonprefix(folders))  # noqa: RUF071 - of lists of folder names
    return [parts[shared] if len(parts) > shared else "" for parts in folders]
