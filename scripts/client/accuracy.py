"""Requests from a test set, and the accuracy of the answers.

test set -> batches -> answers -> report: overall accuracy, accuracy per class, bar plot

The endpoint and the platform reject requests and answers over the payload limit, so each batch keeps both below it.
"""

import io
import json
import zipfile
import zlib
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scripts.errors import Failure

CONTENT_TYPE = "application/x-npy"
_WEAKEST_CLASSES = 8
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error)


def load(path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read a test set.

    Returns:
        Images uint8 [N, 32, 32, 1], class ids [N], the name of each class.

    Raises:
        Failure: *path* is not an archive from data preparation.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return archive["images"], archive["labels"], archive["names"].tolist()
    except _UNREADABLE as error:  # NumPy's message recommends unsafe loading
        raise Failure(f"{path} is not an archive with images, labels and names; make data writes test.npz") from error


def batches(images: np.ndarray, classes: int, max_payload_mb: float = 6.0) -> list[bytes]:
    """Return the images uint8 [N, 32, 32, 1] as .npy files whose requests and answers keep the limit."""
    header, answer = 128, 26 * classes + 120  # bytes: .npy header; the answer for an image, 26 for each probability
    batch = int((max_payload_mb * 1024 * 1024 - header) // max(images[0].nbytes, answer))
    batch = max(1, min(batch, 500))  # the upper bound keeps the progress bar moving
    bodies = []
    for start in range(0, len(images), batch):
        body = io.BytesIO()
        np.save(body, images[start : start + batch])
        bodies.append(body.getvalue())
    return bodies


def report(predicted: np.ndarray, labels: np.ndarray, names: list[str], output: Path) -> dict[str, Any]:
    """Compute the accuracy; write evaluation.json and accuracy-per-class.png, print the weakest classes.

    Args:
        predicted: Predicted class ids, int [N].
        labels: True class ids, int [N].
        names: Names of the classes, in the order of their ids.
        output: Folder, created if it is missing.

    Returns:
        The content of evaluation.json: accuracy, number of images, accuracy by the name of each class; and the folder.
    """
    counts = np.bincount(labels, minlength=len(names))
    correct = np.bincount(labels[predicted == labels], minlength=len(names))
    overall = float(np.mean(predicted == labels))
    per_class = {name: float(r / c) for name, r, c in zip(names, correct, counts, strict=True) if c}

    output.mkdir(parents=True, exist_ok=True)
    content = {"accuracy": overall, "images": len(labels), "accuracy_per_class": per_class}
    (output / "evaluation.json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _plot(per_class, overall, output / "accuracy-per-class.png")
    table = Table("weakest classes", "accuracy", "images")
    for name, accuracy in sorted(per_class.items(), key=lambda item: item[1])[:_WEAKEST_CLASSES]:
        table.add_row(Text(name), f"{accuracy:.1%}", str(counts[names.index(name)]))
    console = Console()
    console.print(table)
    console.print(Text(f"accuracy {overall:.4f} on {len(labels):,} test images; see {output}/"))
    return {**content, "output": str(output)}


@mpl.rc_context({"text.parse_math": False})  # a dollar in a class name would start a formula
def _plot(per_class: dict[str, float], overall: float, path: Path) -> None:
    figure = Figure(figsize=(max(6, 0.24 * len(per_class)), 4.8), layout="constrained")
    axis = figure.subplots()
    axis.bar(list(per_class), list(per_class.values()), color="tab:blue")
    axis.axhline(overall, color="tab:orange", label=f"overall {overall:.1%}")
    axis.set(ylabel="test accuracy", ylim=(0, 1.02), xlim=(-0.6, len(per_class) - 0.4))
    axis.tick_params(axis="x", rotation=90, labelsize=7)
    axis.legend(loc="lower right")
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)
