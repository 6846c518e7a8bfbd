"""Recognition of a data set's layout, and the account of every file that it does not use.

A known layout is taken if it explains every image; else a folder per class, if no layout is known or there are parts
that explain more. What is taken may leave at most 1 % of the images unused, or any number if that is allowed.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from traffic_signs.data.sources.discovery import Files, Sample, Source, is_image, looks_like_image
from traffic_signs.data.sources.layouts import folders, gtsrb
from traffic_signs.data.sources.layouts.listed import recognition as listed
from traffic_signs.errors import DataError

KNOWN: tuple[Callable[[Files], Source | None], ...] = (gtsrb.official, gtsrb.kaggle, listed.read)
"""Layouts with more marks than a folder per class, in this order. Each returns None for files of another layout, and
raises DataError for files that are meant for it and cannot be read."""
_MOST_UNUSED = 0.01


def recognise(files: Files, *, allow_unused: bool = False) -> Source:
    """Find the labelled samples among *files*.

    Args:
        files: the files of the data set.
        allow_unused: leave out images that the layout does not explain, however many there are.

    Raises:
        DataError: no layout explains the images, more than 1 % of them are unused, a class has no training images, or
            two links of different classes or parts lead to one file.
    """
    sources: list[Source] = []
    for layout in KNOWN:
        if source := layout(files):
            sources.append(_account(source, files))
            if not _unused_images(sources[-1]):
                break
    else:
        try:
            by_folder = _account(folders.read(files), files)
        except DataError:
            if not sources:
                raise
        else:
            # any tree has top folders; beside a known layout only those that are parts are better evidence
            if not sources or by_folder.validation or by_folder.test:
                sources.append(by_folder)
    best = min(sources, key=lambda source: len(_unused_images(source)))
    _check_unused(best, files, allow_unused=allow_unused)
    _check_classes(best)
    return replace(best, warnings=(*best.warnings, *_unused_line(best, files), *_links_line(best)))


def _account(source: Source, files: Files) -> Source:
    """List the unused files, and drop samples that are links to others of the same class and part.

    Raises:
        DataError: a link leads to a sample of another class or part.
    """
    labelled = [(part, sample) for part, samples in source.parts.items() for sample in samples]
    if not any(_is_link(sample) for _, sample in labelled):
        used = {sample.name for _, sample in labelled}.union(source.belonging)
        return replace(source, unused=_unused(files, used))
    first = {sample.name: (part, sample) for part, sample in labelled if not _is_link(sample)}
    kept: dict[str, list[Sample]] = {part: [] for part in source.parts}
    for part, sample in labelled:
        other_part, other = first.setdefault(sample.file.target or sample.file.outside or sample.name, (part, sample))
        if other.name == sample.name:
            kept[part].append(sample)
        elif (other_part, other.label) != (part, sample.label):
            raise DataError(
                f"{other.name} and {sample.name} are one file, by a link, in two classes or parts; remove one of them"
            )
    used = {*first, *(sample.name for _, sample in labelled), *source.belonging}
    unused = _unused(files, used)
    return replace(source, training=kept["training"], validation=kept["validation"], test=kept["test"], unused=unused)


def _unused(files: Files, used: set[str]) -> tuple[str, ...]:
    return tuple(name for name, file in files.items() if name not in used and file.target not in used)


def _is_link(sample: Sample) -> bool:
    return bool(sample.file.target or sample.file.outside)


def _unused_images(source: Source) -> list[str]:
    return [name for name in source.unused if looks_like_image(name)]


def _check_unused(source: Source, files: Files, *, allow_unused: bool) -> None:
    unused = _unused_images(source)
    if allow_unused or not unused:
        return
    total = sum(map(looks_like_image, files))
    if len(unused) > _MOST_UNUSED * total:
        reason = f"they do not belong to the layout that was found, {source.layout}"
        if not any(map(is_image, unused)):
            reason = "their format is not read"
        raise DataError(
            f"{len(unused):,} of {total:,} images would not be used, such as {' and '.join(unused[:2])}: {reason};"
            " move or convert them, or leave them out with --allow-unused (as a hyperparameter, allow_unused=true)"
        )


def _check_classes(source: Source) -> None:
    trained = {source.names[sample.label] for sample in source.training}
    for sample in (*source.validation, *source.test):
        name = source.names[sample.label]
        if name not in trained:
            alike = [other for other in trained if other.casefold() == name.casefold()]
            hint = f"; training has {alike[0]!r}" if alike else ""
            raise DataError(f"{sample.name}: class {name!r} has no training images{hint}")


def _unused_line(source: Source, files: Files) -> tuple[str, ...]:
    """Return a line with the number of unused files and, for each suffix, an example."""
    by_suffix: dict[str, list[str]] = defaultdict(list)
    for name in source.unused:
        by_suffix[PurePosixPath(name).suffix.lower()].append(name)
    kinds = [f"{len(same):,} {suffix or 'without a suffix'}, such as {same[0]}" for suffix, same in by_suffix.items()]
    return (f"not used: {len(source.unused):,} of {len(files):,} files: {'; '.join(kinds)}",) if kinds else ()


def _links_line(source: Source) -> tuple[str, ...]:
    """Return a line with the number of images that lie outside of the data set's folder."""
    outside = [sample for samples in source.parts.values() for sample in samples if sample.file.outside]
    if not outside:
        return ()
    first = f"{outside[0].name} -> {outside[0].file.outside}"
    return (f"links lead out of the folder to {len(outside):,} images, such as {first}",)
