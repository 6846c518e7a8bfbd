"""Data preparation: image files -> arrays for training and evaluation, and plots of them.

training/training.npz       the channel `training` of a job
validation/validation.npz   the channel `validation`
test/test.npz               for the evaluation
samples/                    an unchanged test image of each class, to send to an endpoint
class-distribution.png, sample-sheet.png
summary.json                the source, how it was split, the unused and the unreadable files, leaks between the parts
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import click
import numpy as np

from traffic_signs.data import leaks, pictures, reading
from traffic_signs.data.dataset import Dataset
from traffic_signs.data.sources.discovery import Sample, Source
from traffic_signs.data.split import held_out, split
from traffic_signs.errors import DataError

_SUMMARY = "summary.json"
_MOST_CONFLICTS = 10
"""Messages about images with several labels; summary.json has all of them."""


@dataclass(frozen=True)
class Plan:
    """What to prepare and how; the same plan on the same files gives the same arrays."""

    source: str
    split: str = "track"
    validation_fraction: float = 0.2
    seed: int = 1
    allow_unused: bool = False
    """Leave out images that the layout does not explain, even if they are more than 1 %."""
    drop_leaks: bool = False
    """Leave images out of training that validation or test have, too."""


def prepare(plan: Plan, output: Path) -> dict[str, Any]:
    """Read the data set at `plan.source` and write its parts below *output*.

    Nothing is done if *output* already has the arrays of the same plan and of files with the same
    names, sizes and times. If the source has no test part, a fifth of it is split off.

    Returns:
        The content of summary.json.

    Raises:
        DataError: the source cannot be read, has a single class, unused images, or too few images for three parts.
    """
    source = reading.find(Path(plan.source), allow_unused=plan.allow_unused)
    for warning in source.warnings:
        click.echo(warning, err=True)
    state = {**asdict(plan), "layout": source.layout, "files": _listing_digest(source)}
    summary_path = output / _SUMMARY
    if earlier := _earlier(summary_path):
        complete = all((output / name / f"{name}.npz").exists() for name in earlier["images"])
        if complete and {key: earlier.get(key) for key in state} == state:
            click.echo(f"{output} is already prepared", err=True)
            return earlier
    summary_path.unlink(missing_ok=True)

    parts, test_files, unreadable, conflicts = _read_parts(source, plan)
    found = leaks.find(parts["training"], {name: part for name, part in parts.items() if name != "training"})
    if plan.drop_leaks:
        parts["training"] = _without(parts["training"], found.in_training)
    for name, dataset in parts.items():
        dataset.save(output / name / f"{name}.npz")
    sample_names = _write_samples(test_files, source.names, output / "samples")
    pictures.class_distribution(parts, output / "class-distribution.png")
    pictures.sample_sheet(parts["training"], output / "sample-sheet.png")
    for item in unreadable:
        click.echo(f"skipped unreadable file {item.name}: {item.reason}", err=True)
    for copies in conflicts[:_MOST_CONFLICTS]:
        click.echo(f"one image with several labels: {leaks.describe(copies)}", err=True)
    if len(conflicts) > _MOST_CONFLICTS:
        click.echo(f"{len(conflicts)} images have several labels; {summary_path} lists them", err=True)
    if unreadable:
        total = len(unreadable) + sum(map(len, parts.values()))
        click.echo(f"{len(unreadable)} of {total} images are unreadable and skipped", err=True)
    if absent := parts["training"].absent:
        click.echo(f"{len(absent)} classes have no training images, such as {absent[0]}", err=True)
    summary = state | {
        "classes": len(source.names),
        "images": {name: len(dataset) for name, dataset in parts.items()},
        "fingerprints": {name: dataset.fingerprint for name, dataset in parts.items()},
        "samples": sample_names,
        "unused": list(source.unused),
        "unreadable": [asdict(item) for item in unreadable],
        "conflicts": conflicts,
        "leaks": {
            "identical": found.identical,
            "near_duplicates": found.near,
            "training_images": int(found.in_training.sum()),
        },
    }
    # written last: its presence means that the output is complete
    summary_path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return summary


def _earlier(path: Path) -> dict[str, Any] | None:
    """Return the summary of an earlier run; None if there is none, or it is damaged."""
    try:
        summary = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return summary if isinstance(summary, dict) and isinstance(summary.get("images"), dict) else None


def _read_parts(
    source: Source, plan: Plan
) -> tuple[dict[str, Dataset], list[Sample], list[reading.Unreadable], list[leaks.Copies]]:
    """Return the data set of each part, the test part's files, the unreadable files, and images with several labels."""
    training, unreadable = reading.read_samples(source.training, source.names, "training images")
    training.check_for_training()
    other_parts = {}
    for name, samples in (("validation", source.validation), ("test", source.test)):
        if samples:
            other_parts[name], unreadable_here = reading.read_samples(samples, source.names, f"{name} images")
            unreadable += unreadable_here
    skipped = {item.name for item in unreadable}
    files = {
        name: [sample for sample in samples if sample.name not in skipped]
        for name, samples in (("training", source.training), ("validation", source.validation), ("test", source.test))
    }
    conflicts = leaks.conflicts(
        (dataset, [sample.name for sample in files[name]])
        for name, dataset in {"training": training, **other_parts}.items()
    )
    test_files = files["test"] or files["training"]
    if "test" not in other_parts:
        mask = held_out(training, 0.2, plan.split, plan.seed)
        test_files = [test_files[index] for index in np.flatnonzero(mask)]
        training, other_parts["test"] = training.take(np.flatnonzero(~mask)), training.take(np.flatnonzero(mask))
    if "validation" not in other_parts:
        training, other_parts["validation"] = split(training, plan.validation_fraction, plan.split, plan.seed)
    parts = {"training": training, "validation": other_parts["validation"], "test": other_parts["test"]}
    return parts, test_files, unreadable, conflicts


def _without(training: Dataset, leaked: np.ndarray) -> Dataset:
    """Return the training images but those in the mask *leaked*."""
    if leaked.all():
        raise DataError(f"all {len(leaked)} training images are in validation or test, too, and none would be left")
    remaining = training.take(np.flatnonzero(~leaked))
    remaining.check_for_training()
    return remaining


def _listing_digest(source: Source) -> str:
    """Return the SHA-256 of the names of the classes, of what samples are made of, and of the other files' names."""
    parts = [
        [(sample.name, sample.label, sample.track, sample.box, sample.file.stamp) for sample in part]
        for part in source.parts.values()
    ]
    return hashlib.sha256(json.dumps([source.names, *parts, source.unused]).encode()).hexdigest()


def _write_samples(samples: list[Sample], names: tuple[str, ...], folder: Path) -> list[str]:
    """Copy the first file of each class to *folder*, named after the class; return the file names."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("[0-9][0-9]*-*"):  # files of an earlier plan; those with other names stay
        old.unlink()
    file_names = []
    first_samples = {sample.label: sample for sample in reversed(samples)}
    for label, sample in sorted(first_samples.items()):
        # a file name has at most 255 bytes, and a letter takes up to four
        class_name = "".join(letter if letter.isalnum() else "-" for letter in names[label][:50])
        file_names.append(f"{label:02d}-{class_name}{PurePosixPath(sample.name).suffix.lower()}")
        (folder / file_names[-1]).write_bytes(sample.file.read())
    return file_names
