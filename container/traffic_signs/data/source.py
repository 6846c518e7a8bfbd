"""A folder or a zip -> the labelled image files in it, whatever their layout.

Archives are read in place: nothing is unpacked, so no member path can lead anywhere.
"""

import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from traffic_signs.errors import DataError

Files = dict[str, Callable[[], bytes]]
"""Path inside the folder or the archive -> a function that reads the file."""


@dataclass(frozen=True)
class Sample:
    """One labelled image file, not read yet."""

    name: str
    label: int
    track: str
    """Files with the same text show the same physical sign."""
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Source:
    """The files of a data set. Parts that the layout does not have are empty."""

    layout: str
    names: tuple[str, ...]
    training: list[Sample]
    validation: list[Sample] = field(default_factory=list)
    test: list[Sample] = field(default_factory=list)


def list_files(path: Path) -> Files:
    """List the files below a folder, or in a zip; hidden files are left out.

    Raises:
        DataError: there is nothing at *path*, or it is neither.
    """
    if path.is_dir():
        files = {entry.relative_to(path).as_posix(): entry.read_bytes for entry in path.rglob("*") if entry.is_file()}
    elif not path.exists():
        raise DataError(f"{path} does not exist")
    else:
        try:
            archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is neither a folder nor a readable zip ({error})") from error
        files = {info.filename: partial(archive.read, info) for info in archive.infolist() if not info.is_dir()}
    hidden = [name for name in files if any(part.startswith((".", "__MACOSX")) for part in name.split("/"))]
    for name in hidden:
        del files[name]
    return dict(sorted(files.items()))
