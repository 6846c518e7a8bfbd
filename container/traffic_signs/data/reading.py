"""Reader of image files, which decodes them with the shared preprocessing.

path -> find -> Source -> read_samples -> Dataset, and the unreadable files
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from traffic_signs.data.dataset import Dataset
from traffic_signs.data.sources import recognition
from traffic_signs.data.sources.discovery import READ_ERRORS, Sample, Source
from traffic_signs.data.sources.layouts import gtsrb
from traffic_signs.data.sources.layouts.listed import recognition as lists
from traffic_signs.data.sources.listing import files as listing
from traffic_signs.errors import BoxError, DataError, ImageError
from traffic_signs.images import preprocessing


@dataclass(frozen=True)
class Unreadable:
    """An image file that could not be read, so the arrays do not have it."""

    name: str
    reason: str


def find(path: Path, *, allow_unused: bool = False) -> Source:
    """Recognise the layout of the data set at *path*: a folder, a zip, a tar, or a file that lists images.

    Args:
        path: the data set.
        allow_unused: leave out images that the layout does not explain, however many there are.

    Raises:
        DataError: the path does not exist, its layout is unknown or ambiguous, or explains too few of the images.
    """
    if lists.is_list(path):
        return lists.read_list(path)
    files = listing.read(path)
    for name in gtsrb.ARCHIVES:
        if name in files and path.is_dir():
            # a folder may have the same files unpacked beside the archives
            files = listing.read(path / name) | files
            del files[name]
    try:
        return recognition.recognise(dict(sorted(files.items())), allow_unused=allow_unused)
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
        except (ImageError, *READ_ERRORS) as error:
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
