"""A data set as arrays, in memory and on disk.

On disk it is one NumPy archive, without pickle: `images` uint8 [N, 32, 32, 1], `labels` [N],
`tracks` [N], `names` [C]. A folder with such a file is a SageMaker channel.
"""

import hashlib
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from traffic_signs import images as pixels
from traffic_signs.errors import DataError, ImageError

_MOST_CLASSES = 1_000_000


@dataclass(frozen=True, eq=False)
class Dataset:
    """N images of C classes.

    Raises:
        DataError: lengths that differ, no images, a label that is no class, or a class whose name is not UTF-8.
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
        wrong = (self.labels < 0) | (self.labels >= len(self.names))
        if wrong.any():
            raise DataError(
                f"label {self.labels[wrong][0]} of image {np.flatnonzero(wrong)[0]} is out of range;"
                f" there are {len(self.names)} classes, 0 to {len(self.names) - 1}"
            )
        # Python reads other bytes in the name of a folder as surrogates, which no file of the model could hold
        if unusable := [name for name in self.names if name.encode(errors="ignore").decode() != name]:
            raise DataError(f"the name of class {unusable[0]!r} is not UTF-8; rename its folder")

    def __len__(self) -> int:
        return len(self.images)

    @cached_property
    def counts(self) -> np.ndarray:
        """Images of each class, int [C]."""
        return np.bincount(self.labels, minlength=len(self.names))

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the images, the labels and the names of the classes."""
        digest = hashlib.sha256(self.images.tobytes())
        digest.update(self.labels.astype("<i4").tobytes())
        digest.update("\n".join(self.names).encode())
        return digest.hexdigest()

    def check_for_training(self) -> None:
        """Raise DataError unless there are two classes to tell apart; a name alone, without images, makes none."""
        present = np.flatnonzero(self.counts)
        if len(present) < 2:
            raise DataError(
                f"all {len(self)} training images are of class {self.names[present[0]]!r};"
                " expected images of two classes at least"
            )

    def take(self, indices: np.ndarray) -> "Dataset":
        """Return the images at *indices*, with all classes kept."""
        return Dataset(self.images[indices], self.labels[indices], self.tracks[indices], self.names)

    def joined(self, other: "Dataset") -> "Dataset":
        """Return this one's images and then the *other*'s, of the same classes; tracks are numbered on.

        Raises:
            DataError: the classes differ.
        """
        if self.names != other.names:
            raise DataError("two data sets of different classes cannot be joined")
        return Dataset(
            np.concatenate([self.images, other.images]),
            np.concatenate([self.labels, other.labels]),
            np.concatenate([self.tracks, other.tracks + self.tracks.max() + 1]),
            self.names,
        )

    def save(self, path: Path) -> None:
        """Write the archive at *path*, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial.npz")
        np.savez(partial, images=self.images, labels=self.labels, tracks=self.tracks, names=np.array(self.names))
        partial.replace(path)

    @classmethod
    def load(cls, path: Path, names: tuple[str, ...] | None = None) -> "Dataset":
        """Read an archive that `save` or somebody else wrote.

        `tracks` may be missing: every image is then its own track. `names` may be missing: the
        classes are then called by *names*, or without these by their ids.

        Raises:
            DataError: no such archive, or arrays that are missing, of objects, or of another
                shape, dtype or range; the message names file and array.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except (OSError, EOFError, zipfile.BadZipFile) as error:
            raise DataError(f"{path} is no archive of plain NumPy arrays ({error})") from error
        except (ValueError, TypeError) as error:  # NumPy's own words would have the reader allow pickles
            raise DataError(f"{path} is no archive of plain NumPy arrays, or has Python objects in it") from error
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
                    f"{name} of dtype {arrays[name].dtype} and shape {list(arrays[name].shape)};"
                    " expected whole numbers, [N]"
                )
        labels = arrays["labels"]
        images = pixels.as_pixels(arrays["images"])
        # looked at before the cast, which would wrap a label of 2**32 round to 0
        if labels.size and not 0 <= int(labels.min()) <= int(labels.max()) <= _MOST_CLASSES:
            raise DataError(f"labels from {labels.min()} to {labels.max()}; expected class ids from 0")
        if "names" in arrays or names is None:
            names = tuple(arrays.get("names", np.arange(int(labels.max(initial=0)) + 1)).astype(str).tolist())
        tracks = arrays.get("tracks", np.arange(len(images)))
        return cls(images, labels.astype(np.int32), tracks.astype(np.int32), names)
