"""Sampling: the order of the training images in an epoch, from their labels and the seed.

The most frequent class of GTSRB has ten times the images of its rarest. With a balance above 0 an
epoch has the same number of images, but repeats those of rare classes and skips some of frequent ones.
"""

import numpy as np


def order(labels: np.ndarray, balance: float, seed: int, epoch: int) -> np.ndarray:
    """Return the order of the images in an epoch.

    Args:
        labels: class ids, int [N].
        balance: 0 uses every image once, 1 every class equally often; in between, a class with n
            images is used in proportion to n ** (1 - balance).
        seed: seed of the training.
        epoch: counted from 0; each epoch has another order.

    Returns:
        Indices, int32 [N]. Systematic resampling: an image with the expected count x occurs
        floor(x) or ceil(x) times.
    """
    random = np.random.default_rng([seed, epoch])
    shuffled = random.permutation(len(labels))
    if balance:
        weights = np.bincount(labels)[labels[shuffled]].astype(np.float64) ** -balance
        cumulative = np.cumsum(weights / weights.sum())
        points = (np.arange(len(labels)) + random.random()) / len(labels)
        # by rounding, the last sum may be slightly below the last point
        chosen = np.minimum(np.searchsorted(cumulative, points), len(labels) - 1)
        shuffled = random.permutation(shuffled[chosen])
    return shuffled.astype(np.int32)
