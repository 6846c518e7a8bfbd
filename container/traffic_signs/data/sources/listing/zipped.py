"""List of the files in a zip, which are read in place.

Nothing is unpacked, so no member path can write outside a folder.
"""

import os
import stat
import zipfile
from functools import partial
from pathlib import Path
from typing import BinaryIO

from traffic_signs.data.sources.discovery import File, Files
from traffic_signs.data.sources.listing import names
from traffic_signs.errors import DataError

_UTF_8_FLAG = 0x800


def read(path: Path) -> Files:
    """List the members of the zip *path* that are not hidden, by their names as `names.clean` returns them.

    Raises:
        DataError: the file is not a readable zip, or two members have the same name.
    """
    try:
        stream = path.open("rb")  # stays open for the files' reads
        archive = zipfile.ZipFile(stream)
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise DataError(f"{path} is neither a folder nor a readable zip ({error})") from error
    opened = _stamp(stream)
    files: Files = {}
    for info in archive.infolist():
        name = names.clean(_name(info))
        if name.endswith("/") or names.is_hidden(name):
            continue
        if name in files:
            other = next(other for other in archive.infolist() if names.clean(_name(other)) == name)
            raise DataError(f"the members {other.filename!r} and {info.filename!r} of {path} have the same name")
        is_link = stat.S_ISLNK(info.external_attr >> 16)
        content = _refuse_link if is_link else partial(_read, archive, info, stream, opened)
        files[name] = File(content, (info.file_size, info.CRC))
    return dict(sorted(files.items()))


def _name(info: zipfile.ZipInfo) -> str:
    """Return the member's name; many programs write UTF-8 without its flag, so that Python reads it as CP437."""
    if info.flag_bits & _UTF_8_FLAG or info.filename.isascii():
        return info.filename
    try:
        return info.filename.encode("cp437").decode()
    except UnicodeError:
        return info.filename


def _refuse_link() -> bytes:
    raise OSError("a link in a zip, which is not followed")


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, stream: BinaryIO, opened: tuple[int, int]) -> bytes:
    if _stamp(stream) != opened:
        raise DataError(f"{stream.name} was changed while it was read; start again when nothing writes to it")
    return archive.read(info)


def _stamp(stream: BinaryIO) -> tuple[int, int]:
    status = os.fstat(stream.fileno())
    return status.st_size, status.st_mtime_ns
