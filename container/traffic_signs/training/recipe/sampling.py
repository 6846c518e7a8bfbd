"""Labels, a seed and an epoch -> the order in which the training images are seen.

GTSRB's most frequent class has ten times the images of its rarest. With a balance above 0 an epoch
has as many images as ever, but those of rare classes come several times, those of frequent ones in turns.
"""

import numpy as np


def order(labels: np.ndarray, balance: float, seed: int, epoch: int) -> np.ndarray:
    """Return the images of an epoch.

    Args:
        labels: class ids, int [N].
        balance: 0, every image once; 1, every class equally often; between them, a class with n
            images in proportion to n ** (1 - balance).
        seed: of the training.
        epoch: counted from 0; each has an order of its own.

    Returns:
        Indices, int32 [N]. Systematic resampling: an image whose expected number is x comes
        floor(x) or ceil(x) times.
    """
    random = np.random.default_rng([seed, epoch])
    shuffled = random.permutation(len(labels))
    if balance:
        share = np.bincount(labels)[labels[shuffled]].astype(np.float64) ** -balance
        reached = np.cumsum(share / share.sum())
        marks = (np.arange(len(labels)) + random.random()) / len(labels)
        # rounding may leave the last sum a hair below the last mark
        chosen = np.minimum(np.searchsorted(reached, marks), len(labels) - 1)
        shuffled = random.permutation(shuffled[chosen])
    return shuffled.astype(np.int32)
