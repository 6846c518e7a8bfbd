"""A model.tar.gz unpacked as the platform would, or refused."""

import tarfile
from pathlib import Path


class RefusedError(Exception):
    """The message names the archive and what is wrong with it."""


def unpack(archive: Path, folder: Path) -> None:
    """Unpack *archive* into the new *folder*.

    Raises:
        RefusedError: no archive, a broken one, links (the FAQ on hosting models forbids symbolic ones),
            or a path that leads out of the folder.
    """
    try:
        with tarfile.open(archive) as packed:
            for member in packed:
                if not (member.isfile() or member.isdir()):
                    raise RefusedError(f"{archive} holds {member.name}, which is neither file nor folder")
            packed.extractall(folder, filter="data")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise RefusedError(f"{archive} cannot be unpacked: {error}") from None
