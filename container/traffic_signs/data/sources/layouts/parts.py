"""Names of the parts of a data set: training, validation, test.

    train, Training, tr            -> training      in any case, with words before or after it:
    val, valid, validation, dev    -> validation    training_set, TSRD-Train, testImages, train2017
    test, testing, eval            -> test

An ambiguous name or layout is an error that says what to rename; nothing is guessed.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from traffic_signs.errors import DataError

NAMES = ("training", "validation", "test")
_PART_OF_WORD = {
    **dict.fromkeys(("train", "training", "tr"), "training"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "validation"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), "test"),
}
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_ENDING = re.compile(r"(?<=.)(sets?|data|images|imgs)$")
_MOST_AMBIGUOUS = 4
"""Top folders that share names of subfolders: more are classes whose tracks have the same names."""


def named(folder: str) -> set[str]:
    """Return the parts that the words in the name of *folder* mean: none, one, or several as in train_val."""
    words = [word.lower() for word in _WORD.findall(folder)]
    return {part for word in words if (part := _PART_OF_WORD.get(word) or _PART_OF_WORD.get(_ENDING.sub("", word)))}


def find(paths: Sequence[tuple[str, ...]]) -> dict[str, str] | None:
    """Find the part of each top folder of *paths*, the folders of images from the top on; None if these are classes.

    A folder without subfolders, such as "train" beside "car", is a class.

    Raises:
        DataError: it is ambiguous whether the top folders are parts or classes, or which parts.
    """
    subfolders: dict[str, set[str]] = defaultdict(set)
    loose = {path[0] for path in paths if len(path) == 1}
    for path in paths:
        if path:
            subfolders[path[0]].update(path[1:2])
    found = {folder: named(folder) for folder in subfolders}
    if not any(found.values()):
        if subfolders and not loose:
            _check_inside(subfolders)
            _check_sharing(subfolders)
        return None
    others = [folder for folder, parts in found.items() if not parts]
    with_classes = [folder for folder, parts in found.items() if parts and subfolders[folder]]
    if others and not with_classes and not any(subfolders[folder] for folder in others):
        return None
    if others:
        named_parts = ", ".join(folder for folder in found if found[folder])
        raise DataError(
            f"the folder {others[0]} is beside {named_parts} but names no part of a data set; name it as a"
            " part or move it away, or rename the others if they are classes"
        )
    if not with_classes:
        raise DataError(
            f"the images are directly in {' and '.join(list(found)[:3])}, which are parts of a data set; expected a"
            " folder per class in each; rename them if they are classes"
        )
    return _one_each(found)


def _one_each(found: dict[str, set[str]]) -> dict[str, str]:
    for folder, parts in found.items():
        if len(parts) > 1:
            choices = " or ".join(sorted(parts))
            raise DataError(f"the folder {folder} may be the {choices} part; rename it so that it names one part")
    folders = defaultdict(list)
    for folder, parts in found.items():
        folders[min(parts)].append(folder)
    for part, same in folders.items():
        if len(same) > 1:
            raise DataError(f"the {part} part may be {' or '.join(same)}; keep one, or merge them into one folder")
    return {folder: min(parts) for folder, parts in found.items()}


def _check_inside(subfolders: dict[str, set[str]]) -> None:
    if not all(names and all(named(name) for name in names) for names in subfolders.values()):
        return
    folder, names = next(iter(subfolders.items()))
    raise DataError(
        f"the parts {', '.join(sorted(names))} are in the folder {folder}; put the classes into the parts,"
        f" such as {min(names)}/{folder}"
    )


def _check_sharing(subfolders: dict[str, set[str]]) -> None:
    counts = Counter(name for names in subfolders.values() for name in names)
    shared = {name for name, count in counts.items() if count > 1}
    sharing = [folder for folder, names in subfolders.items() if names & shared]
    if 2 <= len(sharing) <= _MOST_AMBIGUOUS:
        raise DataError(
            f"{', '.join(sharing)} may be parts of the data set or classes: they have subfolders of the same name,"
            f" such as {min(shared)}; name parts train, validation and test, or rename these subfolders of classes"
        )
