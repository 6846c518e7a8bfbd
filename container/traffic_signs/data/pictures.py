"""Plots of a data set: images per class, and a sheet of samples."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from traffic_signs.data import style
from traffic_signs.data.dataset import Dataset

_COLUMNS = 12
"""Images per class on the sample sheet."""


def class_distribution(parts: Mapping[str, Dataset], path: Path) -> None:
    """Write a PNG to *path* with a bar plot of the images per class for each part, such as `training`."""
    names = next(iter(parts.values())).names
    named = len(names) <= style.MAX_NAMED_CLASSES
    width = max(6, 0.24 * len(names)) if named else 12
    with style.figure(path, width, 1.6 * len(parts) + 2.4) as figure:
        axes = figure.subplots(len(parts), sharex=True, squeeze=False)[:, 0]
        for axis, (part, dataset) in zip(axes, parts.items(), strict=True):
            axis.bar(range(len(names)), dataset.counts, color="tab:blue")
            axis.set_title(f"{part}: {len(dataset):,} images")
            axis.set_ylabel("images")
        if named:
            labels = [_label(*item) for item in enumerate(names)]
            axes[-1].set_xticks(range(len(names)), labels, rotation=90, fontsize=7)
        else:
            axes[-1].set_xlabel("class")
        axes[-1].set_xlim(-0.6, len(names) - 0.4)


def sample_sheet(dataset: Dataset, path: Path) -> None:
    """Write a PNG to *path* with a row of images from different tracks for each of the first 100 classes."""
    names = dataset.names[: style.MAX_NAMED_CLASSES]
    rows = len(names)
    sheet = np.full((rows * 34, _COLUMNS * 34), 255, np.uint8)
    for label in range(rows):
        of_class = np.flatnonzero(dataset.labels == label)
        for column, index in enumerate(
            of_class[np.linspace(0, len(of_class) - 1, _COLUMNS).astype(int)] if len(of_class) else []
        ):
            sheet[label * 34 + 1 : label * 34 + 33, column * 34 + 1 : column * 34 + 33] = dataset.images[index, :, :, 0]
    with style.figure(path, _COLUMNS * 0.4 + 3.2, rows * 0.4 + 0.6) as figure:
        axis = figure.subplots()
        axis.imshow(sheet, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_yticks(
            [label * 34 + 17 for label in range(rows)], [_label(*item) for item in enumerate(names)], fontsize=8
        )
        axis.set_xticks([])
        axis.spines[:].set_visible(False)
        if rows < len(dataset.names):
            axis.set_title(f"the first {rows} of {len(dataset.names):,} classes")


def _label(index: int, name: str) -> str:
    return name if name == str(index) else f"{style.shorten(name)}  {index}"
