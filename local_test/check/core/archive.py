"""Unpacking of a model.tar.gz, with the platform's restrictions."""

import tarfile
from pathlib import Path


class RefusedError(Exception):
    """The archive cannot be unpacked; the message names it and the reason."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack *archive* into the new *folder*.

    Raises:
        RefusedError: it is not an archive or damaged, or has links (the FAQ on hosting models forbids symbolic
            ones) or a path outside the folder.
    """
    try:
        with tarfile.open(archive) as packed:
            for member in packed:
                if not (member.isfile() or member.isdir()):
                    raise RefusedError(f"{archive} contains {member.name}, which is neither a file nor a folder")
            packed.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise RefusedError(f"{archive} cannot be unpacked: {error}") from None
