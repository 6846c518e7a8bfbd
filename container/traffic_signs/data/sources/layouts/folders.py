"""Layout with a folder per class: any images, at least two classes.

    stop/one.png               class "stop"; every file is its own track
    yield/track-7/one.png      class "yield"; the files of one subfolder share a track
    14/00003_00012.png         track 3 of class "14", if all files are called so, as in GTSRB and BelgiumTS

With folders for training, validation and test at the top, in any of the spellings of parts.py, each part has a folder
per class. Leading folders that all images share are ignored: signs/stop/one.png is of class "stop".
"""

import math
import os.path
import re
from collections.abc import Sequence

from traffic_signs.data.sources.discovery import Files, Sample, Source, is_image, looks_like_image
from traffic_signs.data.sources.layouts import parts as part_names
from traffic_signs.data.sources.listing import names as file_names
from traffic_signs.errors import DataError

_FRAME = re.compile(r"(?:\d{5}_)?(\d{5})_\d{5}\.\w+")
"""TTTTT_FFFFF, or Kaggle's 000CC_TTTTT_FFFFF: track and frame."""
_IMAGE_FOLDERS = ("images", "imgs")

_Path = tuple[str, tuple[str, ...]]
"""Name of a file, and its folders below the top."""


def read(files: Files) -> Source:
    """Find the samples.

    Raises:
        DataError: no images are in folders of classes, or all are in one folder; it is doubtful which folders are
            parts; two classes have the same name.
    """
    split = [(name, tuple(name.split("/")[:-1])) for name in files if is_image(name)]
    top = _top([folders for _, folders in split])
    paths = [(name, folders[len(top) :]) for name, folders in split]
    parts = _parts(paths)
    # those of the training part first: they are written as the user sees them there
    written = [folders[0] for part in parts.values() for _, folders in part]
    for part in parts.values():
        file_names.by_composed(folders[0] for _, folders in part)
    names = sorted(dict.fromkeys(map(file_names.composed, written)), key=natural_order)
    if not names:
        raise DataError(_no_classes(files, "/".join(top)))
    as_written = {file_names.composed(name): name for name in reversed(written)}
    labels = {name: label for label, name in enumerate(names)}
    frames = all(_FRAME.fullmatch(name.rpartition("/")[2]) for part in parts.values() for name, _ in part)

    def samples(part: Sequence[_Path]) -> list[Sample]:
        return [
            Sample(name, labels[file_names.composed(folders[0])], _track(name, folders, frames=frames), files[name])
            for name, folders in part
        ]

    training, validation, test = (samples(part) for part in parts.values())
    return Source("a folder per class", tuple(as_written[name] for name in names), training, validation, test)


def _top(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the folders that all images share, but for images above all folders of images, such as a title picture."""
    top = tuple(os.path.commonprefix(list(paths)))  # noqa: RUF071 - of tuples of folder names
    inside = [folders for folders in paths if len(folders) > len(top)]
    if inside and len(inside) < len(paths) and len(set(inside)) > 1:
        return _top(inside)
    return top


def _parts(paths: Sequence[_Path]) -> dict[str, list[_Path]]:
    """Return the images in class folders, by part, with their folders from the class on."""
    part_of = part_names.find([folders for _, folders in paths])
    parts: dict[str, list[_Path]] = {name: [] for name in part_names.NAMES}
    if part_of is None:
        parts["training"] = [path for path in paths if path[1]]
        return parts
    for name, folders in paths:
        if folders:
            parts[part_of[folders[0]]].append((name, folders[1:]))
    found = {part: [path for path in _inner(part, inside) if path[1]] for part, inside in parts.items()}
    if not any(found.values()):
        places = dict.fromkeys(name.rpartition("/")[0] for inside in parts.values() for name, _ in inside)
        raise DataError(
            f"the images are directly in {' and '.join(list(places)[:2])}; expected a folder per class in each"
        )
    return found


def _inner(part: str, paths: list[_Path]) -> list[_Path]:
    """Skip a folder between the part and its classes: training_set/training_set/stop, train/images/stop."""
    if all(len(folders) == 1 and folders[0].lower() in _IMAGE_FOLDERS for _, folders in paths):
        return []
    firsts = {folders[0] if len(folders) > 1 else "" for _, folders in paths}
    if len(firsts) == 1 and (part_names.named(first := min(firsts)) == {part} or first.lower() in _IMAGE_FOLDERS):
        return _inner(part, [(name, folders[1:]) for name, folders in paths])
    return paths


def _track(name: str, folders: tuple[str, ...], *, frames: bool) -> str:
    if len(folders) > 1:
        return name.rpartition("/")[0]
    if frames and (match := _FRAME.fullmatch(name.rpartition("/")[2])):
        return f"{name.rpartition('/')[0]}/{match[1]}"
    return name


def _no_classes(files: Files, top: str) -> str:
    problem = f"all images are in the folder {top}" if top else "no images in folders"
    unread = [name for name in files if looks_like_image(name) and not is_image(name)]
    found = f"; found {len(unread):,} images of formats that are not read, such as {unread[0]}" if unread else ""
    return f"{problem}; expected a folder per class, at least two classes, or GTSRB in one of its layouts{found}"


def natural_order(name: str) -> tuple[float, str]:
    """Return a sort key that puts 2 before 10, numbers before words, and 007 before 7, which are different folders."""
    return (int(name) if name.isdecimal() else math.inf, name)
