"""Data sets of small pictures, made in a test: one picture a name, no two alike."""

import io
import itertools
import zipfile
from pathlib import Path

from PIL import Image

_grays = itertools.count()


def picture(suffix: str = ".png") -> bytes:
    """Return a small image file, unlike all others of this run of the tests."""
    stream = io.BytesIO()
    number = next(_grays)
    Image.new("RGB", (20, 20), (number % 251, number // 251 % 251, 7)).save(
        stream, Image.registered_extensions()[suffix]
    )
    return stream.getvalue()


def tree(folder: Path, *names: str) -> Path:
    """Write a picture to each of *names* below *folder*; an empty file if the name is no image's."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(path.suffix.lower()) if path.suffix.lower() in (".png", ".ppm", ".jpg") else b"")
    return folder


def zipped(path: Path, *names: str) -> Path:
    """Write a zip with a picture as each of its members *names*, called so byte for byte."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            info = zipfile.ZipInfo("x")
            info.filename = name  # the constructor would change separators
            archive.writestr(info, picture())
    return path
