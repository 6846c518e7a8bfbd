"""Leaks between the parts of a data set: images of validation and test that training has, too.

    parts -> identical pixels, and for each class near-duplicates by a perceptual hash -> Leaks

The hash is dHash (N. Krawetz, "Kind of Like That", 2013) of 8 x 8 blocks, compared with their right and lower
neighbours. Photos of two similar signs often share it, so the mean and the standard deviation of the gray values have
to agree as well. Frames of one track are similar by nature, so images are compared between parts only.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from traffic_signs.data.dataset import Dataset
from traffic_signs.images import preprocessing

# On GTSRB this finds frames of signs that have two tracks, and no other pair. With 8 bits, or without the gray values,
# it also finds different signs of one class.
_MAX_BITS = 4
"""Of 112 bits of the hash."""
_MAX_GRAY = 4.0
"""Gray values between the means and between the standard deviations."""
_PAIRS_AT_ONCE = 2_000_000
_WEIGHTS = np.random.default_rng(1).integers(0, 2**64, preprocessing.SIZE**2 // 8, np.uint64) | 1
Copies = list[dict[str, str]]
"""File and class of each of several images with identical pixels."""


@dataclass(frozen=True)
class Leaks:
    """Images of validation and test that training has, too."""

    identical: dict[str, int]
    """Number of images of each part with the pixels of a training image."""
    near: dict[str, int]
    """Number of other images of each part that are near-duplicates of a training image of their class."""
    in_training: np.ndarray
    """Mask of the training images that they are like, bool [N]."""


def find(training: Dataset, others: Mapping[str, Dataset]) -> Leaks:
    """Compare each image of the *others* with the training images."""
    in_training = np.zeros(len(training), bool)
    identical, near = {}, {}
    signs, sums = _signatures(training), _checksums(training)
    for name, part in others.items():
        same = np.zeros(len(part), bool)
        part_sums = _checksums(part)
        known: dict[bytes, list[int]] = defaultdict(list)
        for index in np.flatnonzero(np.isin(sums, part_sums)).tolist():
            known[training.images[index].tobytes()].append(index)
        for index in np.flatnonzero(np.isin(part_sums, sums)).tolist():
            same[index] = (key := part.images[index].tobytes()) in known
            in_training[known.get(key, [])] = True
        alike = _near(part.labels, _signatures(part), training.labels, signs, in_training)
        identical[name], near[name] = int(same.sum()), int((alike & ~same).sum())
    return Leaks(identical, near, in_training)


def conflicts(parts: Iterable[tuple[Dataset, Sequence[str]]]) -> list[Copies]:
    """Find images with identical pixels and different labels.

    Args:
        parts: data sets of the same classes, each with the N names of its files.

    Returns:
        For each such image, file and class of all its copies.
    """
    read = list(parts)
    sums = [_checksums(dataset) for dataset, _ in read]
    distinct, counts = np.unique(np.concatenate(sums), return_counts=True)
    found: dict[bytes, Copies] = defaultdict(list)
    for (dataset, files), part_sums in zip(read, sums, strict=True):
        for index in np.flatnonzero(np.isin(part_sums, distinct[counts > 1])).tolist():
            copy = {"file": files[index], "class": dataset.names[dataset.labels[index]]}
            found[dataset.images[index].tobytes()].append(copy)
    return [copies for copies in found.values() if len({copy["class"] for copy in copies}) > 1]


def describe(copies: Copies) -> str:
    """Return the first file of each class among *copies* as text."""
    first = {copy["class"]: copy["file"] for copy in reversed(copies)}
    return ", ".join(f"{file} is {name!r}" for name, file in sorted(first.items(), key=lambda item: item[1]))


def _checksums(dataset: Dataset) -> np.ndarray:
    """Return a number for each image, uint64 [N], the same for identical ones; others very rarely share theirs."""
    words = np.ascontiguousarray(dataset.images).reshape(len(dataset), -1).view(np.uint64)
    return words @ _WEIGHTS


@dataclass(frozen=True)
class _Signatures:
    hashes: np.ndarray
    """uint64 [N, 2]: 56 bits across and 56 bits down."""
    gray: np.ndarray
    """float32 [N, 2]: mean and standard deviation."""


def _signatures(dataset: Dataset) -> _Signatures:
    pixels = dataset.images[..., 0]
    columns = pixels[:, :, 0::4].astype(np.uint16)
    for offset in (1, 2, 3):
        columns += pixels[:, :, offset::4]
    blocks = columns[:, 0::4] + columns[:, 1::4] + columns[:, 2::4] + columns[:, 3::4]
    bits = np.zeros((len(dataset), 2, 64), bool)
    bits[:, 0, :56] = (blocks[:, :, 1:] > blocks[:, :, :-1]).reshape(-1, 56)
    bits[:, 1, :56] = (blocks[:, 1:] > blocks[:, :-1]).reshape(-1, 56)
    means = blocks.mean((1, 2), dtype=np.float32) / 16
    deviations = (blocks / np.float32(16)).std((1, 2))
    return _Signatures(np.packbits(bits, axis=2).view(np.uint64)[..., 0], np.stack([means, deviations], axis=1))


def _near(
    labels: np.ndarray, part: _Signatures, known_labels: np.ndarray, known: _Signatures, in_training: np.ndarray
) -> np.ndarray:
    """Return a mask of the images that are near-duplicates; set those that they are like in *in_training*."""
    alike = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        candidates = np.flatnonzero(known_labels == label)
        images = np.flatnonzero(labels == label)
        step = max(1, _PAIRS_AT_ONCE // max(1, len(candidates)))
        for start in range(0, len(images), step):
            rows = images[start : start + step]
            across = np.bitwise_count(part.hashes[rows, 0, None] ^ known.hashes[candidates, 0])
            one, other = np.nonzero(across <= _MAX_BITS)
            bits = across[one, other]
            one, other = rows[one], candidates[other]
            bits = bits + np.bitwise_count(part.hashes[one, 1] ^ known.hashes[other, 1])
            close = (bits <= _MAX_BITS) & (np.abs(part.gray[one] - known.gray[other]) <= _MAX_GRAY).all(axis=1)
            alike[one[close]] = True
            in_training[other[close]] = True
    return alike
