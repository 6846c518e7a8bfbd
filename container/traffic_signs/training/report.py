"""How well a model does -> figures as JSON and pictures, in the job's output.

metrics.json              accuracy, per class and overall; history; the settings
curves.png                loss and accuracy by epoch
confusion-matrix.png      true class by predicted class
accuracy-per-class.png    the weakest classes stand out
class-distribution.png    images per class in training and validation
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from traffic_signs.data import pictures
from traffic_signs.data.dataset import Dataset
from traffic_signs.settings import TrainingSettings
from traffic_signs.training.loop import Fit


def write(
    folder: Path, fit: Fit, training: Dataset, validation: Dataset, *, predicted: np.ndarray, settings: TrainingSettings
) -> dict[str, float]:
    """Write the report on *fit* into *folder*, made if it is missing.

    Args:
        folder: usually /opt/ml/output/data.
        fit: what was trained.
        training: for the counts of its classes.
        validation: what *predicted* is held against.
        predicted: class ids, int [N], one for each validation image.
        settings: written down with the figures.

    Returns:
        The headline figures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    classes = len(validation.names)
    confusion = np.zeros((classes, classes), int)
    np.add.at(confusion, (validation.labels, predicted), 1)
    accuracies = [
        None if count == 0 else float(right / count)
        for right, count in zip(confusion.diagonal(), validation.counts, strict=True)
    ]
    headline = {
        "validation_accuracy": float(np.mean(predicted == validation.labels)),
        "validation_loss": fit.history["validation_loss"][fit.best_epoch - 1],
        "best_epoch": fit.best_epoch,
    }
    content = {
        **headline,
        "images": {"training": len(training), "validation": len(validation)},
        "accuracy_per_class": dict(zip(validation.names, accuracies, strict=True)),
        "confusion_matrix": confusion.tolist(),
        "history": fit.history,
        "settings": asdict(settings),
    }
    (folder / "metrics.json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _curves(fit, folder / "curves.png")
    _confusion_matrix(confusion, validation.names, folder / "confusion-matrix.png")
    _accuracy_per_class(
        accuracies, validation.names, headline["validation_accuracy"], folder / "accuracy-per-class.png"
    )
    pictures.class_distribution({"training": training, "validation": validation}, folder / "class-distribution.png")
    return headline


def _curves(fit: Fit, path: Path) -> None:
    figure = Figure(figsize=(10, 4), layout="constrained")
    epochs = range(1, len(fit.history["train_loss"]) + 1)
    for axis, quantity in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axis.plot(epochs, fit.history[f"train_{quantity}"], marker=".", label="training (with dropout)")
        axis.plot(epochs, fit.history[f"validation_{quantity}"], marker=".", label="validation")
        axis.axvline(fit.best_epoch, color="0.7", linestyle=":", label=f"best epoch, {fit.best_epoch}")
        axis.set(xlabel="epoch", ylabel=quantity)
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    figure.savefig(path, dpi=100)


def _confusion_matrix(confusion: np.ndarray, names: Sequence[str], path: Path) -> None:
    side = max(5.0, 0.19 * len(names) + 3)
    figure = Figure(figsize=(side + 1, side), layout="constrained")
    axis = figure.subplots()
    share = confusion / np.maximum(confusion.sum(1, keepdims=True), 1)
    shown = axis.imshow(share**0.5, cmap="Blues", vmin=0, vmax=1)  # the root lets rare mistakes be seen
    bar = figure.colorbar(shown, ax=axis, shrink=0.7, label="share of the true class")
    bar.set_ticks([0, 0.1**0.5, 0.5**0.5, 1], labels=["0", "10 %", "50 %", "100 %"])
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=6)
    axis.set_yticks(range(len(names)), names, fontsize=6)
    axis.set(xlabel="predicted", ylabel="true")
    figure.savefig(path, dpi=120)


def _accuracy_per_class(accuracies: Sequence[float | None], names: Sequence[str], overall: float, path: Path) -> None:
    figure = Figure(figsize=(max(6, 0.24 * len(names)), 4.5), layout="constrained")
    axis = figure.subplots()
    axis.bar(range(len(names)), [value or 0 for value in accuracies], color="tab:blue")
    axis.axhline(overall, color="tab:orange", label=f"overall {overall:.1%}")
    axis.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axis.set(ylabel="validation accuracy", ylim=(0, 1.02), xlim=(-0.6, len(names) - 0.4))
    axis.legend(loc="lower right")
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)
