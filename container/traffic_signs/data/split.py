"""One data set -> two, by track or at random.

A track is a row of frames of one physical sign. Frames of one track are nearly the same picture:
with some on either side, validation measures memory. The README has figures
of both on GTSRB: validation by track is nearer to the accuracy on the test set.
"""

import math

import numpy as np

from traffic_signs.data.dataset import Dataset


def split(dataset: Dataset, fraction: float, by: str, seed: int) -> tuple[Dataset, Dataset]:
    """Hold a part of *dataset* out.

    Args:
        dataset: what to split; the order of its images is kept in both parts.
        fraction: of the images (`random`), or of each class's tracks (`track`), between 0 and 1.
        by: `track` keeps every track whole; `random` draws single images, rounding up, as
            scikit-learn's train_test_split does: 39,209 images give 31,367 and 7,842.
        seed: of the draw.

    Returns:
        (rest, held out). By track, a class with a single track stays in the rest.

    Raises:
        DataError: nothing is left on one side.
    """
    generator = np.random.default_rng(seed)
    held_out = np.zeros(len(dataset), dtype=bool)
    if by == "random":
        held_out[generator.permutation(len(dataset))[: math.ceil(fraction * len(dataset))]] = True
    else:
        for label in range(len(dataset.names)):
            tracks = np.unique(dataset.tracks[dataset.labels == label])
            if len(tracks) > 1:
                count = min(max(1, round(fraction * len(tracks))), len(tracks) - 1)
                held_out |= np.isin(dataset.tracks, generator.permutation(tracks)[:count])
    return dataset.take(np.flatnonzero(~held_out)), dataset.take(np.flatnonzero(held_out))
