"""List of the files in a tar, which are read in place.

No member is unpacked, so no member path can write outside a folder. A compressed tar is decompressed into one temporary
file without a name, because its members could else be read in their order only.
"""

import bz2
import gzip
import io
import lzma
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any

from traffic_signs.data.sources.discovery import File, Files
from traffic_signs.data.sources.listing import names
from traffic_signs.errors import DataError

_OPEN: dict[str, Callable[[Path], Any]] = {
    ".tar": io.FileIO,
    ".tar.gz": gzip.GzipFile,
    ".tgz": gzip.GzipFile,
    ".tar.bz2": bz2.BZ2File,
    ".tar.xz": lzma.LZMAFile,
}


def is_tar(path: Path) -> bool:
    """Return whether *path* is a file with the name of a tar."""
    return path.is_file() and path.name.lower().endswith(tuple(_OPEN))


def read(path: Path) -> Files:
    """List the members of the tar *path* that are not hidden; links in it are followed within it.

    Raises:
        DataError: the file is not a readable tar, or two members have the same name.
    """
    try:
        archive = tarfile.TarFile(fileobj=_plain(path))  # stays open for the files' reads
        members = archive.getmembers()
        changed = path.stat().st_mtime_ns
    except (OSError, EOFError, zlib.error, lzma.LZMAError, tarfile.TarError) as error:
        raise DataError(f"{path} is not a readable tar ({error})") from error
    files: Files = {}
    for member in members:
        name = names.clean(member.name)
        if member.isdir() or names.is_hidden(name):
            continue
        if name in files:
            raise DataError(f"two members of {path} are called {name}")
        files[name] = File(partial(_read, archive, member), (member.size, changed))
    return dict(sorted(files.items()))


def _plain(path: Path) -> IO[bytes]:
    """Return the tar without its compression, as a file that can be read at any place."""
    suffix = next(suffix for suffix in _OPEN if path.name.lower().endswith(suffix))
    stream: IO[bytes] = _OPEN[suffix](path)
    if suffix == ".tar":
        return stream
    with stream:
        plain = tempfile.TemporaryFile()  # noqa: SIM115 - stays open for the files' reads
        shutil.copyfileobj(stream, plain, 1 << 20)
        plain.seek(0)
        return plain


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    try:
        content = archive.extractfile(member)
    except (KeyError, RecursionError) as error:
        raise OSError(f"a link to {member.linkname}, which is not in the tar") from error
    except tarfile.TarError as error:
        raise OSError(str(error)) from error
    if content is None:
        raise OSError("not a regular file")
    return content.read()
