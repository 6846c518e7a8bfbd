"""Split of a data set in two, by track or at random.

A track is a sequence of frames of one physical sign, which look almost the same. If both sides have
frames of one track, validation measures memorisation. The README has figures of both splits on
GTSRB: validation by track is nearer to the accuracy on the test set.
"""

import math

import numpy as np

from traffic_signs.data.dataset import Dataset
from traffic_signs.errors import DataError


def split(dataset: Dataset, fraction: float, by: str, seed: int) -> tuple[Dataset, Dataset]:
    """Return the remaining and the held-out images of *dataset*; see `held_out`."""
    mask = held_out(dataset, fraction, by, seed)
    return dataset.take(np.flatnonzero(~mask)), dataset.take(np.flatnonzero(mask))


def held_out(dataset: Dataset, fraction: float, by: str, seed: int) -> np.ndarray:
    """Choose the images of *dataset* to hold out.

    Args:
        dataset: data set to split.
        fraction: share of the images (`random`) or of each class's tracks (`track`), between 0 and 1.
        by: `track` keeps every track on one side; `random` draws single images and rounds their number
            up, as scikit-learn's train_test_split does: 39,209 images give 31,367 and 7,842.
        seed: seed of the draw.

    Returns:
        Mask, bool [N], true for held-out images. By track, a class with a single track has none.

    Raises:
        DataError: one side would be empty.
    """
    generator = np.random.default_rng(seed)
    mask = np.zeros(len(dataset), dtype=bool)
    if by == "random":
        mask[generator.permutation(len(dataset))[: math.ceil(fraction * len(dataset))]] = True
    else:
        for label in range(len(dataset.names)):
            tracks = np.unique(dataset.tracks[dataset.labels == label])
            if len(tracks) > 1:
                count = min(max(1, round(fraction * len(tracks))), len(tracks) - 1)
                mask |= np.isin(dataset.tracks, generator.permutation(tracks)[:count])
    if not mask.any():
        raise DataError(
            "no images can be held out: every class has a single track, that is one file or one subfolder of files;"
            " use split=random"
        )
    if mask.all():
        raise DataError(
            f"no training images remain when {fraction} of {len(dataset)} are held out; use a smaller"
            " validation_fraction, or more images"
        )
    return mask
