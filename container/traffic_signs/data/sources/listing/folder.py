"""List of the files in a folder.

Links are followed. A file that a link reaches says where it is, so that recognition counts no file twice and names
what lies outside of the folder.
"""

import os
import stat
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from traffic_signs.data.sources.discovery import File, Files
from traffic_signs.data.sources.listing import names
from traffic_signs.errors import DataError


def read(path: Path) -> Files:
    """List the files below the folder *path* that are not hidden.

    What cannot be read, such as a link to a missing file, is listed; reading it raises OSError.

    Raises:
        DataError: a folder cannot be listed, or two names differ only in bytes that are not UTF-8.
    """
    root = os.path.realpath(path)
    files: Files = {}
    for name, entry, linked in _walk(str(path), "", frozenset({root}), linked=False):
        printable = names.printable(name)
        if printable in files:
            raise DataError(f"two files are called {printable}, where one name is not UTF-8; rename one of them")
        files[printable] = _file(entry, printable, root if linked else None)
    return dict(sorted(files.items()))


def _walk(
    folder: str, prefix: str, parents: frozenset[str], *, linked: bool
) -> Iterator[tuple[str, "os.DirEntry[str]", bool]]:
    """Yield name, entry and whether a link led to it; skip links to the *parents*, which would recurse endlessly."""
    try:
        with os.scandir(folder) as scan:
            entries = list(scan)
    except OSError as error:
        raise DataError(f"the folder {names.printable(folder)} cannot be read ({error.strerror})") from error
    for entry in entries:
        if names.is_hidden(entry.name):
            continue
        through = linked or entry.is_symlink()
        if not _is_folder(entry):
            yield prefix + entry.name, entry, through
        elif (real := os.path.realpath(entry.path)) not in parents:
            yield from _walk(entry.path, f"{prefix}{entry.name}/", parents | {real}, linked=through)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # such as a link to itself
        return False


def _file(entry: "os.DirEntry[str]", name: str, root: str | None) -> File:
    """Return the file *entry*; *root* is the folder's real path if a link leads to the file."""
    try:
        status = entry.stat()
    except OSError as error:
        return File(partial(_fail, f"no file is there: {error.strerror}"), (0, 0))
    if not stat.S_ISREG(status.st_mode):
        return File(partial(_fail, "not a regular file"), (0, 0))
    stamp = (status.st_size, status.st_mtime_ns)
    content = partial(_read, entry.path, name, stamp)
    if root is None:
        return File(content, stamp)
    real = os.path.realpath(entry.path)
    if real.startswith(root.rstrip("/") + "/"):
        return File(content, stamp, target=names.printable(os.path.relpath(real, root)))
    return File(content, stamp, outside=names.printable(real))


def _read(path: str, name: str, stamp: tuple[int, int]) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            data = stream.read()
            status = os.fstat(stream.fileno())
    except FileNotFoundError as error:
        raise DataError(f"{name} was deleted while the data set was read; start again") from error
    if (status.st_size, status.st_mtime_ns) != stamp:
        raise DataError(f"{name} was changed while the data set was read; start again when nothing writes to it")
    return data


def _fail(reason: str) -> bytes:
    raise OSError(reason)
