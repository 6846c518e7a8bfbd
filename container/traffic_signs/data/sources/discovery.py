"""Files of a data set, and the labelled samples that a layout finds among them.

path -> listing -> Files -> recognition: the modules in layouts/ -> Source
"""

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from traffic_signs.images import preprocessing
from traffic_signs.images.preprocessing import Box

# not read, but if they are among the images, the user counts on them
_UNREAD_SUFFIXES = (".avif", ".heic", ".heif", ".jfif", ".jp2", ".jxl", ".tga", ".tif", ".tiff")
_IMAGE_SUFFIXES = (*preprocessing.SUFFIXES, *_UNREAD_SUFFIXES)


READ_ERRORS = (OSError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)
"""Of a file that cannot be read; a member of a zip may be damaged, truncated, encrypted, or compressed by an unknown
method (NotImplementedError is a RuntimeError)."""


@dataclass(frozen=True)
class File:
    """A file that is read on demand."""

    read: Callable[[], bytes]
    """Raises one of READ_ERRORS if it cannot; DataError if it has changed."""
    stamp: tuple[int, int]
    """Size in bytes, and modification time in ns or, in a zip, CRC-32: they show that a file was overwritten."""
    target: str | None = None
    """For a link in the folder: the name of the file there that it leads to."""
    outside: str | None = None
    """For a link that leads out of the folder: the path there."""


Files = dict[str, File]
"""Files by their path in the folder or the archive, with slashes, in text that UTF-8 can encode."""


@dataclass(frozen=True)
class Sample:
    """A labelled image file that is read on demand."""

    name: str
    """Its name in Files."""
    label: int
    track: str
    """Files with the same track show the same physical sign."""
    file: File
    box: Box | None = None
    """Part of the image to read; None for the whole image."""
    where: str = ""
    """File and row that list the image, for messages about its box."""


@dataclass(frozen=True)
class Source:
    """The files of a data set. Parts that its layout does not have are empty."""

    layout: str
    names: tuple[str, ...]
    training: list[Sample]
    validation: list[Sample] = field(default_factory=list)
    test: list[Sample] = field(default_factory=list)
    belonging: frozenset[str] = frozenset()
    """Names of files that the layout explains although they are no samples, such as a table of labels."""
    unused: tuple[str, ...] = ()
    """Names of all other files that are no samples; recognition fills it."""
    warnings: tuple[str, ...] = ()
    """Messages for the user, a line each; recognition adds those about unused files and links."""

    @property
    def parts(self) -> dict[str, list[Sample]]:
        """The samples of training, validation and test."""
        return {"training": self.training, "validation": self.validation, "test": self.test}


def is_image(name: str) -> bool:
    """Return whether the file name is an image's, of a format that is read."""
    return name.lower().endswith(tuple(preprocessing.SUFFIXES))


def looks_like_image(name: str) -> bool:
    """Return whether the file name is an image's, of any format."""
    return name.lower().endswith(_IMAGE_SUFFIXES)
