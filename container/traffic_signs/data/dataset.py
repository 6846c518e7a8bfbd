"""Data set as arrays, in memory and on disk.

    Dataset.save -> x.npz -> Dataset.load

The file is a NumPy archive without pickles: `images` uint8 [N, 32, 32, 1], `labels` [N],
`tracks` [N], `names` [C]. A folder with such a file can be a SageMaker channel.
"""

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from traffic_signs.errors import DataError, ImageError
from traffic_signs.images import preprocessing as pixels

_MAX_CLASS_ID = 1_000_000


@dataclass(frozen=True, eq=False)
class Dataset:
    """N images of C classes.

    Raises:
        DataError: the lengths differ, there are no images, a label is not a class id, or a class name is not UTF-8.
    """

    images: np.ndarray
    """uint8 [N, 32, 32, 1]."""
    labels: np.ndarray
    """int32 [N], class ids from 0 to C - 1."""
    tracks: np.ndarray
    """int32 [N]; images with the same id show the same physical sign."""
    names: tuple[str, ...]
    """Name of each class, C of them."""

    def __post_init__(self) -> None:
        if not len(self.images) == len(self.labels) == len(self.tracks):
            raise DataError(
                f"{len(self.images)} images, {len(self.labels)} labels and {len(self.tracks)} track ids;"
                " expected the same number of each"
            )
        if len(self.images) == 0:
            raise DataError("no images")
        invalid = (self.labels < 0) | (self.labels >= len(self.names))
        if invalid.any():
            raise DataError(
                f"label {self.labels[invalid][0]} of image {np.flatnonzero(invalid)[0]} is out of range;"
                f" there are {len(self.names)} classes, 0 to {len(self.names) - 1}"
            )
        # Python reads other bytes in the name of a folder as surrogates, which no file of the model could hold
        if unusable := [name for name in self.names if name.encode(errors="ignore").decode() != name]:
            raise DataError(f"the name of class {unusable[0]!r} is not UTF-8; rename its folder")

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def counts(self) -> np.ndarray:
        """Number of images of each class, int [C]."""
        return np.bincount(self.labels, minlength=len(self.names))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the images, the labels and the names of the classes."""
        digest = hashlib.sha256(self.images.tobytes())
        digest.update(self.labels.astype("<i4").tobytes())
        digest.update("\n".join(self.names).encode())
        return digest.hexdigest()

    @property
    def absent(self) -> tuple[str, ...]:
        """Names of the classes without an image."""
        return tuple(name for name, count in zip(self.names, self.counts, strict=True) if not count)

    def check_for_training(self) -> None:
        """Raise DataError unless at least two classes have images."""
        present = np.flatnonzero(self.counts)
        if len(present) < 2:
            raise DataError(
                f"all {len(self)} training images are of class {self.names[present[0]]!r};"
                " expected images of at least two classes"
            )

    def take(self, indices: np.ndarray) -> "Dataset":
        """Return the images at *indices*, int [M], with the same classes."""
        return Dataset(self.images[indices], self.labels[indices], self.tracks[indices], self.names)

    def concatenate(self, other: "Dataset") -> "Dataset":
        """Return the images of this data set followed by those of *other*, whose track ids are shifted to stay unique.

        Raises:
            DataError: the classes differ.
        """
        if self.names != other.names:
            raise DataError("the two data sets have different classes and cannot be concatenated")
        return Dataset(
            np.concatenate([self.images, other.images]),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.tracks, other.tracks + self.tracks.max() + 1]),
            self.names,
        )

    def save(self, path: Path) -> None:
        """Write the archive at *path* atomically."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial.npz")
        np.savez(partial, images=self.images, labels=self.labels, tracks=self.tracks, names=np.array(self.names))
        partial.replace(path)

    @classmethod
    def load(cls, path: Path, names: tuple[str, ...] | None = None) -> "Dataset":
        """Read an archive that `save` or another program wrote.

        Args:
            path: the archive. Without the array `tracks`, every image is its own track.
            names: names of the classes, for an archive without the array `names`; by default their ids.

        Raises:
            DataError: the file is not such an archive, or an array is missing, holds Python objects,
                or has another shape, dtype or range; the message names file and array.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except (OSError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is not an archive of plain NumPy arrays ({error})") from error
        except (ValueError, TypeError) as error:  # NumPy's message recommends to allow pickles
            raise DataError(f"{path} is not an archive of plain NumPy arrays, or contains Python objects") from error
        try:
            return cls._from_arrays(arrays, names)
        except (DataError, ImageError) as error:
            raise DataError(f"{path}: {error}") from error

    @classmethod
    def _from_arrays(cls, arrays: dict[str, np.ndarray], names: tuple[str, ...] | None) -> "Dataset":
        for name in ("images", "labels"):
            if name not in arrays:
                raise DataError(f"array {name} is missing; found {', '.join(arrays) or 'nothing'}")
        for name in ("labels", "tracks"):
            if name in arrays and (arrays[name].dtype.kind not in "ui" or arrays[name].ndim != 1):
                raise DataError(
                    f"array {name} has dtype {arrays[name].dtype} and shape {list(arrays[name].shape)};"
                    " expected integers of shape [N]"
                )
        labels = arrays["labels"]
        images = pixels.as_pixels(arrays["images"])
        # checked before the cast, which would turn a label of 2**32 into 0
        if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) <= _MAX_CLASS_ID:
            raise DataError(f"labels range from {labels.min()} to {labels.max()}; expected class ids from 0")
        if "names" in arrays or names is None:
            names = tuple(arrays.get("names", np.arange(int(labels.max(initial=0)) + 1)).astype(str).tolist())
        tracks = arrays.get("tracks", np.arange(len(images)))
        return cls(images, labels.astype(np.int32), tracks.astype(np.int32), names)
