"""Files of a folder or a zip, and the labelled samples that a layout finds among them.

    path -> list_files -> Files -> gtsrb.py or folders.py -> Source

Zip archives are read in place. Nothing is unpacked, so no member path can write outside a folder.
"""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from traffic_signs.errors import DataError
from traffic_signs.images.preprocessing import Box

_HIDDEN = (".", "__MACOSX")


@dataclass(frozen=True)
class File:
    """A file that is read on demand."""

    read: Callable[[], bytes]
    stamp: tuple[int, int]
    """Size in bytes, and modification time in ns or, in a zip, CRC-32: they show that a file was overwritten."""


Files = dict[str, File]
"""Files by their path in the folder or the archive."""


@dataclass(frozen=True)
class Sample:
    """A labelled image file that is read on demand."""

    name: str
    label: int
    track: str
    """Files with the same track show the same physical sign."""
    file: File
    box: Box | None = None
    """Part of the image to read; None for the whole image."""
    where: str = ""
    """File and row that list the image, for messages about its box."""


@dataclass(frozen=True)
class Source:
    """The files of a data set. Parts that its layout does not have are empty."""

    layout: str
    names: tuple[str, ...]
    training: list[Sample]
    validation: list[Sample] = field(default_factory=list)
    test: list[Sample] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    """Messages about skipped files."""


def list_files(path: Path) -> Files:
    """List the files below a folder or in a zip; links are followed, hidden files are skipped.

    The member "./stop//a.png" of a zip is listed as stop/a.png. A member whose path leads out of the zip is hidden.

    Raises:
        DataError: *path* does not exist, or is neither a folder nor a readable zip.
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
            _plain(info.filename): File(partial(archive.read, info), (info.file_size, info.CRC))
            for info in archive.infolist()
            if not info.is_dir()
        }
    hidden = [name for name in files if name.startswith(_HIDDEN) or "/." in name or "/__MACOSX" in name]
    for name in hidden:
        del files[name]
    return dict(sorted(files.items()))


def _plain(name: str) -> str:
    """Return the path *name* without "./" and "//"; most have none, and to parse tens of thousands takes a while."""
    return str(PurePosixPath(name)) if "./" in name or "//" in name else name


def _walk(folder: Path, parents: frozenset[Path]) -> Iterator[Path]:
    """Find the files below *folder*; skip links to its *parents*, which would recurse endlessly."""
    for entry in folder.iterdir():
        if entry.is_file():
            yield entry
        elif entry.is_dir() and (real := entry.resolve()) not in parents:
            yield from _walk(entry, parents | {real})


def _file(path: Path) -> File:
    status = path.stat()
    return File(path.read_bytes, (status.st_size, status.st_mtime_ns))
