"""Layout with a folder per class: any images, at least two classes.

    stop/one.png               class "stop"; every file is its own track
    yield/track-7/one.png      class "yield"; the files of one subfolder share a track

With train/, validation/ (or val/) and test/ at the top, each part has a folder per class. Leading
folders that all images share are ignored: signs/stop/one.png is of class "stop".
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
    """Find the samples. Files without the suffix of an image (README, CSV) are skipped, with a warning.

    Raises:
        DataError: no images are in folders, or all are in one folder; only the validation or test part has a class; a
            folder of images is beside the parts.
    """
    paths = [path for name in files if (path := PurePosixPath(name)).suffix.lower() in preprocessing.SUFFIXES]
    top = len(os.path.commonprefix([path.parent.parts for path in paths]))  # noqa: RUF071 - of tuples of folder names
    prefix = top + 1 if _has_parts([path.parts[top:] for path in paths]) else top
    parts: dict[str, list[PurePosixPath]] = {"training": [], "validation": [], "test": []}
    for path in paths:
        if len(path.parts) > prefix + 1:
            parts[_PARTS[path.parts[top].lower()] if prefix > top else "training"].append(path)
    names = sorted({path.parts[prefix] for path in parts["training"]}, key=natural_order)
    if not names:
        problem = f"all images are in the folder {paths[0].parent}" if top else "no images in folders"
        others = [name for name in files if PurePosixPath(name).suffix.lower() not in preprocessing.SUFFIXES]
        expected = "expected a folder per class, at least two classes, or GTSRB in one of its layouts"
        raise DataError("; ".join([problem, expected, *_skipped_files(others)[:3]]))

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
        _skipped_files([name for name in files if name not in used]),
    )


def _has_parts(paths: list[tuple[str, ...]]) -> bool:
    """Return whether the top folders are parts of the data set; a folder "train" without subfolders may be a class.

    Raises:
        DataError: there are other folders beside the parts.
    """
    folders = dict.fromkeys(parts[0] for parts in paths if len(parts) > 1)
    with_classes = {parts[0] for parts in paths if len(parts) > 2}
    parts = [name for name in folders if name.lower() in _PARTS]
    others = [name for name in folders if name.lower() not in _PARTS]
    if others and with_classes.intersection(parts):
        raise DataError(
            f"the folder {others[0]} is beside {', '.join(parts)}, which are parts of a data set;"
            " move it away, or rename these if they are classes"
        )
    return bool(parts) and not others


def _skipped_files(names: list[str]) -> tuple[str, ...]:
    """Return a message for each suffix of the skipped files, with their number and an example."""
    by_suffix: dict[str, list[str]] = defaultdict(list)
    for name in names:
        by_suffix[PurePosixPath(name).suffix.lower()].append(name)
    return tuple(
        f"skipped files: {len(same_suffix)} {suffix or 'without a suffix'}"
        f"{' outside the class folders' if suffix in preprocessing.SUFFIXES else ''}, such as {same_suffix[0]}"
        for suffix, same_suffix in by_suffix.items()
    )


def natural_order(name: str) -> tuple[float, str]:
    """Return a sort key that puts 2 before 10, numbers before words, and 007 before 7, which are different folders."""
    return (int(name) if name.isdecimal() else math.inf, name)
