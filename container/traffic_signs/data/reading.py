"""Reader of image files, which decodes them with the shared preprocessing.

path -> find -> Source -> read_samples -> Dataset, and the unreadable files
"""

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from traffic_signs.data.dataset import Dataset
from traffic_signs.data.sources.discovery import Sample, Source, list_files
from traffic_signs.data.sources.layouts import folders, gtsrb
from traffic_signs.data.sources.layouts.listed import recognition
from traffic_signs.data.sources.listing import tarred
from traffic_signs.errors import BoxError, DataError, ImageError
from traffic_signs.images import preprocessing

# zip members may be damaged, truncated, encrypted, or compressed by an unknown method
_DECODING_ERRORS = (ImageError, OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Unreadable:
    """An image file that could not be read, so the arrays do not have it."""

    name: str
    reason: str


def find(path: Path) -> Source:
    """Recognise the layout of the data set at *path*: a folder, a zip, a tar, or a file that lists images.

    Raises:
        DataError: the path does not exist, or its layout is unknown.
    """
    if recognition.is_list(path):
        return recognition.read_list(path)
    if tarred.is_tar(path):
        files = tarred.read(path)
    else:
        files = (gtsrb.archives(path) if path.is_dir() else {}) or list_files(path)
    try:
        return gtsrb.official(files) or gtsrb.kaggle(files) or recognition.read(files) or folders.read(files)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def read_samples(samples: Sequence[Sample], names: tuple[str, ...], title: str) -> tuple[Dataset, list[Unreadable]]:
    """Decode *samples* in their order, with a progress bar called *title*.

    Returns:
        The images that could be read, and the files that could not.

    Raises:
        DataError: none of the images could be read, or a box is not within its image.
    """
    pixels = np.empty((len(samples), *preprocessing.SHAPE), np.uint8)
    readable: list[Sample] = []
    unreadable: list[Unreadable] = []
    for sample in track(samples, description=title):
        try:
            pixels[len(readable)] = preprocessing.decode(sample.file.read(), box=sample.box)
        except BoxError as error:
            raise DataError(f"{sample.where}: {sample.name}: {error}") from error
        except _DECODING_ERRORS as error:
            unreadable.append(Unreadable(sample.name, str(error)))
        else:
            readable.append(sample)
    if not readable:
        first = f"; {unreadable[0].name}: {unreadable[0].reason}" if unreadable else ""
        raise DataError(f"{title}: none of {len(samples)} images could be read{first}")
    track_ids = {name: index for index, name in enumerate(dict.fromkeys(sample.track for sample in readable))}
    dataset = Dataset(
        pixels[: len(readable)],
        np.array([sample.label for sample in readable], np.int32),
        np.array([track_ids[sample.track] for sample in readable], np.int32),
        names,
    )
    return dataset, unreadable
