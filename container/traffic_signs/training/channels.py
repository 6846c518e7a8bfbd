"""Input channels -> the data sets to train and to validate on.

A channel holds one archive of arrays, as data preparation writes them, or image files in any
layout that data preparation reads. What is there and not used is said in the log.
"""

import logging
from pathlib import Path

from traffic_signs.data import reading
from traffic_signs.data.dataset import Dataset
from traffic_signs.data.sources.discovery import Sample
from traffic_signs.data.split import split
from traffic_signs.errors import DataError
from traffic_signs.paths import OptMl
from traffic_signs.settings.training import TrainingSettings

_log = logging.getLogger(__name__)


def load(paths: OptMl, settings: TrainingSettings) -> tuple[Dataset, Dataset]:
    """Return (training, validation).

    Validation is the channel `validation`; without it, the validation part that the image files of
    `training` have; without that, what is split off.

    Raises:
        DataError: the channel `training` is missing, empty or of a single class, a channel cannot be
            read, or the channels have different classes.
    """
    has_channel = any(paths.channel(name).exists() for name in ("validation", "validation_0"))
    training, validation = _read(paths, "training", with_validation=not has_channel)
    training.check_for_training()
    where = "the channel training has a part"
    if has_channel:
        validation, _ = _read(paths, "validation", training.names)
        where = "there is a channel"
        if validation.names != training.names:
            raise DataError(
                f"channel validation has {len(validation.names)} classes, training {len(training.names)}, or other"
                " names; prepare both in one go"
            )
    if validation is None:
        return split(training, settings.validation_fraction, settings.split, settings.seed)
    for name in ("split", "validation_fraction"):
        if (value := getattr(settings, name)) != getattr(TrainingSettings, name):
            _log.warning("hyperparameter %s = %s is not used: %s validation", name, value, where)
    return training, validation


def _read(
    paths: OptMl, name: str, names: tuple[str, ...] | None = None, *, with_validation: bool = False
) -> tuple[Dataset, Dataset | None]:
    """Return what the channel has to train on, and of image files the validation part if asked for and there.

    Classes that an archive has no names for get *names*.
    """
    folder = paths.channel(name)
    if paths.channel(f"{name}_0").exists():
        raise DataError(f"channel {name} comes in Pipe mode, which is not read; use the input mode File or FastFile")
    if not folder.is_dir():
        raise DataError(f"channel {name} is missing: {folder} does not exist; pass it to the job as an input")
    archives = sorted(folder.glob("*.npz"))
    if len(archives) > 1:
        raise DataError(f"channel {name} has {len(archives)} archives of arrays, expected one: {_names(archives)}")
    try:
        if archives:
            return Dataset.load(archives[0], names), None
        return _read_images(folder, name, with_validation=with_validation)
    except DataError as error:
        raise DataError(f"channel {name}: {error}") from error


def _read_images(folder: Path, name: str, *, with_validation: bool) -> tuple[Dataset, Dataset | None]:
    if not any(folder.iterdir()):
        raise DataError(f"{folder} is empty")
    try:
        source = reading.find(folder)
    except DataError as error:
        if deeper := next(folder.rglob("*.npz"), None):
            raise DataError(f"{deeper} lies too deep; arrays are looked for in {folder} itself") from error
        raise
    for remark in source.remarks:
        _log.warning("channel %s: %s", name, remark)
    for part, samples in {"validation": [] if with_validation else source.validation, "test": source.test}.items():
        if samples:
            _log.warning("channel %s: its %d %s images are not used", name, len(samples), part)
    training = _decode(source.training, source.names, f"{name} images")
    if not (with_validation and source.validation):
        return training, None
    return training, _decode(source.validation, source.names, "validation images")


def _decode(samples: list[Sample], names: tuple[str, ...], title: str) -> Dataset:
    dataset, unreadable = reading.read_samples(samples, names, title)
    for item in unreadable:
        _log.warning("unreadable, left out: %s: %s", item.name, item.reason)
    if unreadable:
        _log.warning("%s: %d of %d images are left out", title, len(unreadable), len(samples))
    return dataset


def _names(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths)
