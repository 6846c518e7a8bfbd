"""A folder or a zip -> the labelled image files in it, whatever their layout.

Archives are read in place: nothing is unpacked, so no member path can lead anywhere.
"""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from traffic_signs.errors import DataError


@dataclass(frozen=True)
class File:
    """A file, not read yet."""

    read: Callable[[], bytes]
    stamp: tuple[int, int]
    """Its size, and when it was changed or, in a zip, its checksum: they tell that it was overwritten."""


Files = dict[str, File]
"""Path inside the folder or the archive -> the file."""


@dataclass(frozen=True)
class Sample:
    """One labelled image file, not read yet."""

    name: str
    label: int
    track: str
    """Files with the same text show the same physical sign."""
    file: File


@dataclass(frozen=True)
class Source:
    """The files of a data set. Parts that the layout does not have are empty."""

    layout: str
    names: tuple[str, ...]
    training: list[Sample]
    validation: list[Sample] = field(default_factory=list)
    test: list[Sample] = field(default_factory=list)
    remarks: tuple[str, ...] = ()
    """Sentences about what is not used of it."""


def list_files(path: Path) -> Files:
    """List the files below a folder, or in a zip; links are followed, hidden files are left out.

    A zip's member "./stop//a.png" is stop/a.png; one whose path leads out of it counts as hidden.

    Raises:
        DataError: there is nothing at *path*, or it is neither.
    """
    if path.is_dir():
        files = {entry.relative_to(path).as_posix(): _file(entry) for entry in _walk(path, frozenset({path.resolve()}))}
    elif not path.exists():
        raise DataError(f"{path} does not exist")
    else:
        try:
            archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is neither a folder nor a readable zip ({error})") from error
        files = {
            str(PurePosixPath(info.filename)): File(partial(archive.read, info), (info.file_size, info.CRC))
            for info in archive.infolist()
            if not info.is_dir()
        }
    hidden = [name for name in files if any(part.startswith((".", "__MACOSX")) for part in name.split("/"))]
    for name in hidden:
        del files[name]
    return dict(sorted(files.items()))


def _walk(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Find the files below *folder*; a link to one of the folders *above* would lead round in a circle."""
    for entry in folder.iterdir():
        if entry.is_file():
            yield entry
        elif entry.is_dir() and (real := entry.resolve()) not in above:
            yield from _walk(entry, above | {real})


def _file(path: Path) -> File:
    status = path.stat()
    return File(path.read_bytes, (status.st_size, status.st_mtime_ns))
