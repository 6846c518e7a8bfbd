"""Input channels -> the data sets to train and to validate on.

A channel holds one archive of arrays, as data preparation writes them, or image files in any
layout that data preparation reads.
"""

import logging
from pathlib import Path

from traffic_signs.data import reading
from traffic_signs.data.dataset import Dataset
from traffic_signs.data.split import split
from traffic_signs.errors import DataError
from traffic_signs.paths import OptMl
from traffic_signs.settings import TrainingSettings

_log = logging.getLogger(__name__)


def load(paths: OptMl, settings: TrainingSettings) -> tuple[Dataset, Dataset]:
    """Return (training, validation); without a channel `validation`, a part of `training`.

    Raises:
        DataError: the channel `training` is missing or empty, a channel cannot be read, or the
            channels have different classes.
    """
    training = _read(paths, "training")
    if paths.channel("validation").exists():
        validation = _read(paths, "validation")
        if validation.names != training.names:
            raise DataError(
                f"channel validation has {len(validation.names)} classes, training {len(training.names)}, or other"
                " names; prepare both in one go"
            )
        return training, validation
    return split(training, settings.validation_fraction, settings.split, settings.seed)


def _read(paths: OptMl, name: str) -> Dataset:
    folder = paths.channel(name)
    if not folder.is_dir():
        raise DataError(f"channel {name} is missing: {folder} does not exist; pass it to the job as an input")
    archives = sorted(folder.glob("*.npz"))
    if len(archives) > 1:
        raise DataError(f"channel {name} has {len(archives)} archives of arrays, expected one: {_names(archives)}")
    try:
        if archives:
            return Dataset.load(archives[0])
        return _read_images(folder, name)
    except DataError as error:
        raise DataError(f"channel {name}: {error}") from error


def _read_images(folder: Path, name: str) -> Dataset:
    if not any(folder.iterdir()):
        raise DataError(f"{folder} is empty")
    source = reading.find(folder)
    dataset, unreadable = reading.read_samples(source.training, source.names, f"{name} images")
    for item in unreadable:
        _log.warning("unreadable, left out: %s: %s", item.name, item.reason)
    if unreadable:
        _log.warning("channel %s: %d of %d images are left out", name, len(unreadable), len(source.training))
    return dataset


def _names(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths)
