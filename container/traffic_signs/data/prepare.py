"""A data set -> arrays, once: the parts that training and evaluation take, and pictures of them.

training/training.npz       the channel `training` of a job
validation/validation.npz   the channel `validation`
test/test.npz               for the evaluation
samples/                    test images, a file of each class that has some, as they came, to send to an endpoint
class-distribution.png, sample-sheet.png
summary.json                what was read, from where, how it was split; the unreadable files
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import click
import numpy as np

from traffic_signs.data import pictures, reading
from traffic_signs.data.dataset import Dataset
from traffic_signs.data.sources.discovery import Sample, Source
from traffic_signs.data.split import held_out, split

_SUMMARY = "summary.json"


@dataclass(frozen=True)
class Plan:
    """What is prepared, and how; the same plan on the same files gives the same arrays."""

    source: str
    split: str = "track"
    validation_fraction: float = 0.2
    seed: int = 1


def prepare(plan: Plan, output: Path) -> dict[str, Any]:
    """Read the data set at `plan.source` and write its parts below *output*.

    Finished work is recognised by its plan and the names, sizes and times of its files, and not done
    again. A source without a test part gives a fifth of itself to one.

    Returns:
        The content of summary.json.

    Raises:
        DataError: the source cannot be read, or has too little for three parts or a single class.
    """
    source = reading.find(Path(plan.source))
    state = {**asdict(plan), "layout": source.layout, "files": _listing(source)}
    summary_path = output / _SUMMARY
    if summary_path.exists():
        summary: dict[str, Any] = json.loads(summary_path.read_bytes())
        whole = all((output / name / f"{name}.npz").exists() for name in summary.get("images", []))
        if whole and {key: summary.get(key) for key in state} == state:
            click.echo(f"{output}: prepared already", err=True)
            return summary
        summary_path.unlink()

    for remark in source.remarks:
        click.echo(remark, err=True)
    parts, tests, unreadable = _read(source, plan)
    for name, dataset in parts.items():
        dataset.save(output / name / f"{name}.npz")
    written = _write_samples(tests, source.names, output / "samples")
    pictures.class_distribution(parts, output / "class-distribution.png")
    pictures.sample_sheet(parts["training"], output / "sample-sheet.png")
    for item in unreadable:
        click.echo(f"unreadable: {item.name}: {item.reason}", err=True)
    if unreadable:
        total = len(unreadable) + sum(map(len, parts.values()))
        click.echo(f"{len(unreadable)} of {total} images could not be read and are left out", err=True)
    summary = state | {
        "classes": len(source.names),
        "images": {name: len(dataset) for name, dataset in parts.items()},
        "fingerprints": {name: dataset.fingerprint for name, dataset in parts.items()},
        "samples": written,
        "unreadable": [asdict(item) for item in unreadable],
    }
    summary_path.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")  # last: it says that all is done
    return summary


def _read(source: Source, plan: Plan) -> tuple[dict[str, Dataset], list[Sample], list[reading.Unreadable]]:
    """Return the parts, the files of the test part, and those that could not be read."""
    training, unreadable = reading.read_samples(source.training, source.names, "training images")
    training.check_for_training()
    given = {}
    for name, samples in (("validation", source.validation), ("test", source.test)):
        if samples:
            given[name], bad = reading.read_samples(samples, source.names, f"{name} images")
            unreadable += bad
    lost = {item.name for item in unreadable}
    tests = [sample for sample in source.test or source.training if sample.name not in lost]
    if "test" not in given:
        chosen = held_out(training, 0.2, plan.split, plan.seed)
        tests = [tests[index] for index in np.flatnonzero(chosen)]
        training, given["test"] = training.take(np.flatnonzero(~chosen)), training.take(np.flatnonzero(chosen))
    if "validation" not in given:
        training, given["validation"] = split(training, plan.validation_fraction, plan.split, plan.seed)
    return {"training": training, "validation": given["validation"], "test": given["test"]}, tests, unreadable


def _listing(source: Source) -> str:
    """Return SHA-256 of the names, labels, stamps and parts of all files."""
    parts = [
        [(sample.name, sample.label, sample.file.stamp) for sample in part]
        for part in (source.training, source.validation, source.test)
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _write_samples(samples: list[Sample], names: tuple[str, ...], folder: Path) -> list[str]:
    """Copy the first file of each class, named after it: what a client would send; return the names."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("[0-9][0-9]*-*"):  # of an earlier plan, finished or not; other names are not ours
        old.unlink()
    written = []
    first = {sample.label: sample for sample in reversed(samples)}
    for label, sample in sorted(first.items()):
        # a name of a file has at most 255 bytes, a letter up to four
        name = "".join(letter if letter.isalnum() else "-" for letter in names[label][:50])
        written.append(f"{label:02d}-{name}{PurePosixPath(sample.name).suffix.lower()}")
        (folder / written[-1]).write_bytes(sample.file.read())
    return written
