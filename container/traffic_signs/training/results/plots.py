"""Plots of the training report, a PNG each.

A plot with a row per class grows downwards, as a page scrolls, up to the number of classes that data/style.py limits.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from traffic_signs.data import style
from traffic_signs.training.results.calibration import Reliability

_ORANGE, _BLUE, _RED, _GRAY = "#e08a2e", "#2f6db3", "#c0392b", "#9aa5b1"


def curves(history: Mapping[str, Sequence[float]], best_epoch: int, path: Path) -> None:
    """Plot loss, accuracy and learning rate by epoch, as far as *history* has them."""
    panels = {
        quantity: lines
        for quantity, names in {
            "loss": {"train_loss": "training", "validation_loss": "validation"},
            "accuracy": {"train_accuracy": "training", "validation_accuracy": "validation"},
            "learning rate": {"learning_rate": "learning rate"},
        }.items()
        if (lines := {label: history[name] for name, label in names.items() if history.get(name)})
    }
    with style.figure(path, 3.6 * max(1, len(panels)), 3.2) as figure:
        axes = figure.subplots(1, max(1, len(panels)), squeeze=False)[0]
        for axis, (quantity, lines) in zip(axes, panels.items(), strict=False):
            for label, values in lines.items():
                color = _BLUE if label == "validation" else _GRAY
                axis.plot(range(1, len(values) + 1), values, marker=".", color=color, label=label)
            axis.axvline(best_epoch, color=_RED, linestyle=":", linewidth=1, label=f"epoch {best_epoch}, kept")
            axis.set(title=quantity, xlabel="epoch")
            axis.grid(axis="y")
            axis.xaxis.get_major_locator().set_params(integer=True)
            if len(lines) > 1:
                axis.legend()


def accuracy_per_class(accuracy: np.ndarray, names: Sequence[str], overall: float, path: Path) -> None:
    """Plot a bar for each of the 100 classes with the lowest *accuracy*, float [C], NaN for a class without images."""
    measured = [index for index in np.argsort(accuracy, kind="stable") if not np.isnan(accuracy[index])]
    shown = measured[: style.MAX_NAMED_CLASSES]
    with style.figure(path, 7.6, 0.17 * len(shown) + 1.1) as figure:
        axis = figure.subplots()
        axis.barh(range(len(shown)), accuracy[shown], color=_BLUE, height=0.72)
        axis.axvline(overall, color=_ORANGE, linewidth=1.2, label=f"overall {overall:.1%}")
        axis.set_yticks(range(len(shown)), [style.shorten(names[index]) for index in shown], fontsize=7.5)
        axis.set(xlabel="validation accuracy", xlim=(0, 1), ylim=(len(shown) - 0.4, -0.6))
        axis.xaxis.set_major_formatter("{x:.0%}")
        axis.tick_params(axis="y", length=0)
        if len(shown) < len(measured):
            axis.set_title(f"the {len(shown)} of {len(measured):,} classes with the lowest accuracy")
        figure.legend(loc="outside upper right")


def accuracy_by_count(accuracy: np.ndarray, counts: np.ndarray, names: Sequence[str], path: Path) -> None:
    """Plot the *accuracy* of each class, float [C], by its training images *counts*, int [C]; name the five lowest."""
    with style.figure(path, 7.6, 4.2) as figure:
        axis = figure.subplots()
        axis.scatter(counts, accuracy, color=_BLUE, alpha=0.75, s=28, linewidths=0)
        axis.set(xlabel="training images of the class", ylabel="validation accuracy")
        axis.set_xlim(0, max(1, counts.max()) * 1.06)
        lowest = min(0.9, np.nanmin(accuracy))
        axis.set_ylim(lowest - 0.08 * (1.02 - lowest) - 0.005, 1 + 0.04 * (1.02 - lowest))
        axis.yaxis.set_major_formatter("{x:.0%}")
        axis.grid()
        axis.set_axisbelow(True)
        _annotate_lowest(axis, accuracy, counts, names)


def confusion_matrix(confusion: np.ndarray, names: Sequence[str], path: Path) -> None:
    """Plot the predictions as shares of each true class; *confusion* is int [C, C], true by predicted."""
    named = len(names) <= style.MAX_NAMED_CLASSES
    side = max(3.2, 0.17 * len(names) + 2.2) if named else 12
    with style.figure(path, side + 0.9, side) as figure:
        axis = figure.subplots()
        share = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
        shown = axis.imshow(share**0.5, cmap="Blues", vmin=0, vmax=1)  # the square root makes rare mistakes visible
        bar = figure.colorbar(shown, ax=axis, shrink=0.6, aspect=30, label="share of the true class")
        bar.set_ticks([0, 0.01**0.5, 0.1**0.5, 0.5**0.5, 1], labels=["0", "1 %", "10 %", "50 %", "100 %"])
        if named:
            labels = [style.shorten(name) for name in names]
            axis.set_xticks(range(len(names)), labels, rotation=90, fontsize=6.5)
            axis.set_yticks(range(len(names)), labels, fontsize=6.5)
        axis.set(xlabel="predicted", ylabel="true")
        axis.spines[:].set_visible(True)


def reliability(before: Reliability, after: Reliability, path: Path) -> None:
    """Plot the reliability diagrams of Guo et al. (2017), and the share of predictions in each bin below them."""
    with style.figure(path, 7.6, 4.4) as figure:
        axes = figure.subplots(2, 2, sharex=True, sharey="row", height_ratios=(4, 1))
        bins = len(after.counts)
        edges = np.arange(bins) / bins
        parts = {"before": (before, _ORANGE), "after": (after, _BLUE)}
        for (top, bottom), (name, (binned, color)) in zip(axes.T, parts.items(), strict=True):
            filled = binned.counts > 0
            top.bar(edges[filled], binned.accuracy[filled], 1 / bins, align="edge", color=color, edgecolor="white")
            top.plot(binned.confidence[filled], binned.accuracy[filled], ".", color="#1f2933", markersize=4)
            top.plot([0, 1], [0, 1], "--", color="#7b8794", linewidth=1)
            top.set(title=f"{name} temperature scaling", xlim=(0, 1), ylim=(0, 1))
            bottom.bar(
                edges, binned.counts / binned.counts.sum(), 1 / bins, align="edge", color=_GRAY, edgecolor="white"
            )
            bottom.set(xlabel="confidence", ylim=(0, 1))
        axes[0, 0].set_ylabel("accuracy")
        axes[1, 0].set_ylabel("share of\nimages")


def _annotate_lowest(axis: Axes, accuracy: np.ndarray, counts: np.ndarray, names: Sequence[str]) -> None:
    """Write the names of the five lowest classes beside their dots, each at least a line above the one before."""
    bottom, top = axis.get_ylim()
    line, height = (top - bottom) / 22, -np.inf
    for index in np.argsort(accuracy, kind="stable")[:5]:
        if np.isnan(accuracy[index]) or accuracy[index] == 1:
            continue
        height = max(accuracy[index], height + line)
        right = counts[index] > counts.max() / 2
        axis.annotate(
            style.shorten(names[index]),
            (counts[index], height),
            xytext=(-7 if right else 7, 0),
            textcoords="offset points",
            ha="right" if right else "left",
            va="center",
            fontsize=8,
        )
