"""One data set -> two, by track or at random.

A track is a row of frames of one physical sign. Frames of one track are nearly the same picture:
with some on either side, validation measures memory. The README has figures
of both on GTSRB: validation by track is nearer to the accuracy on the test set.
"""

import math

import numpy as np

from traffic_signs.data.dataset import Dataset
from traffic_signs.errors import DataError


def split(dataset: Dataset, fraction: float, by: str, seed: int) -> tuple[Dataset, Dataset]:
    """Return *dataset* without what is held out, and what is: see `held_out`."""
    chosen = held_out(dataset, fraction, by, seed)
    return dataset.take(np.flatnonzero(~chosen)), dataset.take(np.flatnonzero(chosen))


def held_out(dataset: Dataset, fraction: float, by: str, seed: int) -> np.ndarray:
    """Choose the images of *dataset* to hold out.

    Args:
        dataset: what to split.
        fraction: of the images (`random`), or of each class's tracks (`track`), between 0 and 1.
        by: `track` keeps every track whole; `random` draws single images, rounding up, as
            scikit-learn's train_test_split does: 39,209 images give 31,367 and 7,842.
        seed: of the draw.

    Returns:
        bool [N]. By track, a class with a single track has none of its images held out.

    Raises:
        DataError: nothing is left on one side.
    """
    generator = np.random.default_rng(seed)
    chosen = np.zeros(len(dataset), dtype=bool)
    if by == "random":
        chosen[generator.permutation(len(dataset))[: math.ceil(fraction * len(dataset))]] = True
    else:
        for label in range(len(dataset.names)):
            tracks = np.unique(dataset.tracks[dataset.labels == label])
            if len(tracks) > 1:
                count = min(max(1, round(fraction * len(tracks))), len(tracks) - 1)
                chosen |= np.isin(dataset.tracks, generator.permutation(tracks)[:count])
    if not chosen.any():
        raise DataError(
            "no images can be held out: every class has a single track, which is one file, or the files of one"
            " subfolder; use split=random"
        )
    if chosen.all():
        raise DataError(
            f"no images are left to train on when {fraction} of {len(dataset)} are held out; use a smaller"
            " validation_fraction, or more images"
        )
    return chosen
