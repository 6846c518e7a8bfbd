"""List of the files of a data set, wherever they lie."""

from pathlib import Path

from traffic_signs.data.sources.discovery import Files
from traffic_signs.data.sources.listing import folder, tarred, zipped
from traffic_signs.errors import DataError


def read(path: Path) -> Files:
    """List the files below a folder, in a zip or in a tar, but for hidden ones, in the order of their names.

    Raises:
        DataError: *path* does not exist, or is neither a folder nor a readable zip or tar.
    """
    if path.is_dir():
        return folder.read(path)
    if not path.exists():
        raise DataError(f"{path} does not exist")
    return tarred.read(path) if tarred.is_tar(path) else zipped.read(path)
