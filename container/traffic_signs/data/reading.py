"""Image files -> a `Dataset`, through the one preprocessing module.

path -> find() -> Source -> read_samples() -> Dataset + the files that could not be read
"""

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from traffic_signs.data.dataset import Dataset
from traffic_signs.data.sources import folders, gtsrb
from traffic_signs.data.sources.discovery import Sample, Source, list_files
from traffic_signs.errors import DataError, ImageError
from traffic_signs.images import preprocessing

# zip members may also be damaged, cut, encrypted, or compressed in a way that is not known
_UNREADABLE = (ImageError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Unreadable:
    """A file that is in the data set and not in the arrays."""

    name: str
    reason: str


def find(path: Path) -> Source:
    """Recognise the layout of the data set at *path*, a folder or a zip.

    Raises:
        DataError: nothing there, or no layout that is known.
    """
    files = (gtsrb.archives(path) if path.is_dir() else {}) or list_files(path)
    try:
        return gtsrb.official(files) or gtsrb.kaggle(files) or folders.read(files)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def read_samples(samples: Sequence[Sample], names: tuple[str, ...], title: str) -> tuple[Dataset, list[Unreadable]]:
    """Decode *samples* with a progress bar, in their order.

    Returns:
        The images that could be read, and the files that could not.

    Raises:
        DataError: not one image could be read.
    """
    pixels = np.empty((len(samples), *preprocessing.SHAPE), np.uint8)
    good: list[Sample] = []
    bad: list[Unreadable] = []
    for sample in track(samples, description=title):
        try:
            pixels[len(good)] = preprocessing.decode(sample.file.read())
        except _UNREADABLE as error:
            bad.append(Unreadable(sample.name, str(error)))
        else:
            good.append(sample)
    if not good:
        first = f"; {bad[0].name}: {bad[0].reason}" if bad else ""
        raise DataError(f"{title}: none of {len(samples)} images could be read{first}")
    track_ids = {name: index for index, name in enumerate(dict.fromkeys(sample.track for sample in good))}
    dataset = Dataset(
        pixels[: len(good)],
        np.array([sample.label for sample in good], np.int32),
        np.array([track_ids[sample.track] for sample in good], np.int32),
        names,
    )
    return dataset, bad
