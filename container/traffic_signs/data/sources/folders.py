"""A folder per class: any images, any number of classes from two on.

    stop/one.png               class "stop"; every file its own track
    yield/track-7/one.png      class "yield"; files of one subfolder share a track
With train/, validation/ (or val/) and test/ on top, each part is a folder of classes. Folders that
all images share lie above the layout: signs/stop/one.png is of class "stop".
"""

import math
import os.path
from collections import defaultdict
from pathlib import PurePosixPath

from traffic_signs.data.sources.discovery import Files, Sample, Source
from traffic_signs.errors import DataError
from traffic_signs.images import preprocessing

_PARTS = {"train": "training", "training": "training", "val": "validation", "validation": "validation", "test": "test"}


def read(files: Files) -> Source:
    """Read the layout. Files that are no images by their names (README, CSV) are left out, with a remark.

    Raises:
        DataError: no images in folders, or all in one; a class that only the validation or test part has; a folder of
            images beside the parts.
    """
    paths = [path for name in files if (path := PurePosixPath(name)).suffix.lower() in preprocessing.SUFFIXES]
    top = len(os.path.commonprefix([path.parent.parts for path in paths]))  # noqa: RUF071 - of tuples, so whole folders
    prefix = top + 1 if _has_parts([path.parts[top:] for path in paths]) else top
    parts: dict[str, list[PurePosixPath]] = {"training": [], "validation": [], "test": []}
    for path in paths:
        if len(path.parts) > prefix + 1:
            parts[_PARTS[path.parts[top].lower()] if prefix > top else "training"].append(path)
    names = sorted({path.parts[prefix] for path in parts["training"]}, key=_natural)
    if not names:
        where = f"all images are in the folder {paths[0].parent}" if top else "no images in folders"
        others = _remarks([name for name in files if PurePosixPath(name).suffix.lower() not in preprocessing.SUFFIXES])[
            :3
        ]
        expected = "expected a folder per class, two classes at least, or GTSRB in one of its layouts"
        raise DataError("; ".join([where, expected, *others]))

    def samples(part: str) -> list[Sample]:
        for path in parts[part]:
            if path.parts[prefix] not in names:
                raise DataError(f"{path}: class {path.parts[prefix]!r} has no training images")
        return [
            Sample(
                str(path),
                names.index(path.parts[prefix]),
                str(path.parent) if len(path.parts) > prefix + 2 else str(path),
                files[str(path)],
            )
            for path in parts[part]
        ]

    used = {str(path) for part in parts.values() for path in part}
    return Source(
        "a folder per class",
        tuple(names),
        samples("training"),
        samples("validation"),
        samples("test"),
        _remarks([name for name in files if name not in used]),
    )


def _has_parts(paths: list[tuple[str, ...]]) -> bool:
    """Say whether the folders on top are parts of the data set; one of flat images called "train" may be a class.

    Raises:
        DataError: other folders lie beside them.
    """
    folders = dict.fromkeys(parts[0] for parts in paths if len(parts) > 1)
    with_classes = {parts[0] for parts in paths if len(parts) > 2}
    parts = [name for name in folders if name.lower() in _PARTS]
    others = [name for name in folders if name.lower() not in _PARTS]
    if others and with_classes.intersection(parts):
        raise DataError(
            f"the folder {others[0]} lies beside {', '.join(parts)}, which are parts of a data set;"
            " move it away, or rename them if they are classes"
        )
    return bool(parts) and not others


def _remarks(names: list[str]) -> tuple[str, ...]:
    """Count what is passed over by suffix, with an example of each."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in names:
        found[PurePosixPath(name).suffix.lower()].append(name)
    return tuple(
        f"passed over: {len(of_suffix)} {suffix or 'files without a suffix'}"
        f"{' in no folder of a class' if suffix in preprocessing.SUFFIXES else ''}, such as {of_suffix[0]}"
        for suffix, of_suffix in found.items()
    )


def _natural(name: str) -> tuple[float, str]:
    """Sort 2 before 10, numbers before words, and 007 before 7, which are different folders."""
    return (int(name) if name.isdecimal() else math.inf, name)
