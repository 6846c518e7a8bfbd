"""Input channels of a training job: training and validation data sets.

    channel with one .npz archive, as data preparation writes it            -> Dataset
    channel with image files, in any layout that data preparation reads     -> Dataset

Files that are skipped are logged.
"""

import logging
from dataclasses import replace
from pathlib import Path

from traffic_signs.data import reading
from traffic_signs.data.dataset import Dataset
from traffic_signs.data.sources.discovery import Sample
from traffic_signs.data.sources.listing.names import composed
from traffic_signs.data.split import split
from traffic_signs.errors import DataError
from traffic_signs.paths import OptMl
from traffic_signs.settings.training import TrainingSettings

_log = logging.getLogger(__name__)


def load(paths: OptMl, settings: TrainingSettings) -> tuple[Dataset, Dataset]:
    """Return the training and the validation data set.

    Validation images come from the channel `validation`; without it, from the validation folder of the
    channel `training`; without that, they are split off the training images.

    Raises:
        DataError: the channel `training` is missing, empty or of a single class, a channel cannot be
            read, or the channels have different classes.
    """
    training, validation = _load(paths, settings)
    if absent := training.absent:
        _log.warning("%d classes have no training images, such as %s", len(absent), absent[0])
    return training, validation


def _load(paths: OptMl, settings: TrainingSettings) -> tuple[Dataset, Dataset]:
    has_channel = any(paths.channel(name).exists() for name in ("validation", "validation_0"))
    training, validation = _read(paths, "training", with_validation=not has_channel, allow_unused=settings.allow_unused)
    training.check_for_training()
    reason = "the channel training has a validation folder"
    if has_channel:
        validation, _ = _read(paths, "validation", training.names, allow_unused=settings.allow_unused)
        reason = "the job has a channel validation"
        if [*map(composed, validation.names)] != [*map(composed, training.names)]:
            raise DataError(
                f"channel validation has {len(validation.names)} classes, channel training {len(training.names)},"
                " or their names differ; prepare both from the same data set"
            )
        validation = replace(validation, names=training.names)
    if validation is None:
        return split(training, settings.validation_fraction, settings.split, settings.seed)
    for name in ("split", "validation_fraction"):
        if (value := getattr(settings, name)) != getattr(TrainingSettings, name):
            _log.warning("hyperparameter %s = %s is ignored: %s", name, value, reason)
    return training, validation


def _read(
    paths: OptMl,
    name: str,
    names: tuple[str, ...] | None = None,
    *,
    with_validation: bool = False,
    allow_unused: bool = False,
) -> tuple[Dataset, Dataset | None]:
    """Read the channel *name*.

    Args:
        paths: location of /opt/ml.
        name: `training` or `validation`.
        names: names of the classes, for an archive that has none.
        with_validation: also return the images of a validation folder.
        allow_unused: leave out images that the layout does not explain, however many there are.

    Returns:
        The data set of the channel, and the one of its validation folder or None.
    """
    folder = paths.channel(name)
    if paths.channel(f"{name}_0").exists():
        raise DataError(f"channel {name} is in Pipe mode, which is not supported; use the input mode File or FastFile")
    if not folder.is_dir():
        raise DataError(f"channel {name} is missing: {folder} does not exist; pass it to the job as an input")
    archives = sorted(folder.glob("*.npz"))
    if len(archives) > 1:
        file_names = ", ".join(path.name for path in archives)
        raise DataError(f"channel {name} has {len(archives)} .npz files; expected one: {file_names}")
    try:
        if archives:
            return Dataset.load(archives[0], names), None
        return _read_images(folder, name, with_validation=with_validation, allow_unused=allow_unused)
    except DataError as error:
        raise DataError(f"channel {name}: {error}") from error


def _read_images(
    folder: Path, name: str, *, with_validation: bool, allow_unused: bool
) -> tuple[Dataset, Dataset | None]:
    if not any(folder.iterdir()):
        raise DataError(f"{folder} is empty")
    try:
        source = reading.find(folder, allow_unused=allow_unused)
    except DataError as error:
        if nested := next(folder.rglob("*.npz"), None):
            raise DataError(f"{nested} is in a subfolder; put it directly into {folder}") from error
        raise
    for warning in source.warnings:
        _log.warning("channel %s: %s", name, warning)
    for part, samples in {"validation": [] if with_validation else source.validation, "test": source.test}.items():
        if samples:
            _log.warning("channel %s: its %d %s images are ignored", name, len(samples), part)
    training = _decode(source.training, source.names, f"{name} images")
    if not (with_validation and source.validation):
        return training, None
    return training, _decode(source.validation, source.names, "validation images")


def _decode(samples: list[Sample], names: tuple[str, ...], title: str) -> Dataset:
    dataset, unreadable = reading.read_samples(samples, names, title)
    for item in unreadable:
        _log.warning("skipped unreadable file %s: %s", item.name, item.reason)
    if unreadable:
        _log.warning("%s: %d of %d are unreadable and skipped", title, len(unreadable), len(samples))
    return dataset
