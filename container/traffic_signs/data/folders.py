"""A folder per class: any images, any number of classes.

    stop/one.png               class "stop"; every file its own track
    yield/track-7/one.png      class "yield"; files of one subfolder share a track
With train/, validation/ (or val/) and test/ on top, each part is a folder of classes.
"""

from pathlib import PurePosixPath

from traffic_signs import images
from traffic_signs.data.source import Files, Sample, Source
from traffic_signs.errors import DataError

_PARTS = {"train": "training", "training": "training", "val": "validation", "validation": "validation", "test": "test"}


def read(files: Files) -> Source:
    """Read the layout. Files that are no images by their names (README, CSV) are left out.

    Raises:
        DataError: no images in folders, or a class that only the validation or test part has.
    """
    paths = [path for name in files if (path := PurePosixPath(name)).suffix.lower() in images.SUFFIXES]
    tops = {path.parts[0].lower() for path in paths if len(path.parts) > 1}
    prefix = 1 if tops and tops <= _PARTS.keys() else 0
    parts: dict[str, list[PurePosixPath]] = {"training": [], "validation": [], "test": []}
    for path in paths:
        if len(path.parts) > prefix + 1:
            parts[_PARTS[path.parts[0].lower()] if prefix else "training"].append(path)
    if not parts["training"]:
        raise DataError("no images in folders; expected a folder per class, or GTSRB in one of its layouts")
    names = sorted({path.parts[prefix] for path in parts["training"]}, key=_natural)

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

    return Source(
        "a folder per class", tuple(names), samples("training"), validation=samples("validation"), test=samples("test")
    )


def _natural(name: str) -> tuple[int, str]:
    """Sort 2 before 10, numbers before words."""
    return (int(name), "") if name.isdecimal() else (2**63, name)
