"""Accuracy over a whole test set, through the endpoint: overall, per class, and as the bar plot.

An endpoint refuses a body over its payload limit, and so does the platform in front of it, for
requests and answers alike. So the images go in batches that keep both below the limit.
"""

import io
import json
import zipfile
import zlib
from pathlib import Path

import click
import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import track
from rich.table import Table
from rich.text import Text

from scripts import async_endpoint
from scripts.endpoint import Failure

CONTENT_TYPE = "application/x-npy"
_WORST = 8
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, AttributeError, zipfile.BadZipFile, zlib.error)


@click.command(
    epilog="""\b
    Examples:
      python -m scripts.evaluate results/synthetic/data/test/test.npz --output results/evaluation
      python -m scripts.evaluate results/GTSRB/data/test/test.npz --output results/evaluation --endpoint NAME
    """
)
@click.argument("test_set", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", default="http://127.0.0.1:8080", show_default=True)
@click.option("--endpoint", "hosted", help="A SageMaker endpoint by its name, in place of --url.")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder for the figures and the plot.")
@click.option(
    "--max-payload-mb",
    type=click.FloatRange(0.01, 100),
    default=6.0,
    show_default=True,
    help="Largest request and answer. AWS's API model says 6 MB for real-time endpoints, its FAQ 25.",
)
def main(test_set: Path, url: str, hosted: str | None, output: Path, max_payload_mb: float) -> None:
    """Predict TEST_SET, an archive of arrays that data preparation wrote, and count what is right."""
    images, labels, names = load(test_set)
    bodies = batches(images, len(names), max_payload_mb)
    requests = ((body, CONTENT_TYPE) for body in bodies)
    answers = async_endpoint.predict_all(url, hosted, requests)
    predicted = [answer["class_id"] for batch in track(answers, "predicting", len(bodies)) for answer in batch]
    report(np.array(predicted), labels, names, output)


def load(path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Read a test set.

    Returns:
        Images uint8 [N, 32, 32, 1], class ids [N], the name of each class.

    Raises:
        Failure: it is no archive that data preparation wrote.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            return archive["images"], archive["labels"], archive["names"].tolist()
    except _UNREADABLE as error:  # NumPy's own words recommend what is not safe
        raise Failure(f"{path} is no archive with images, labels and names; make data writes one, test.npz") from error


def batches(images: np.ndarray, classes: int, max_payload_mb: float = 6.0) -> list[bytes]:
    """Return the images uint8 [N, 32, 32, 1] as .npy files, for requests that keep the limit, answers included."""
    header, an_answer = 128, 26 * classes + 120  # bytes: a .npy header; a number and its comma, and the rest
    batch = int((max_payload_mb * 1024 * 1024 - header) // max(images[0].nbytes, an_answer))
    batch = max(1, min(batch, 500))  # small enough for a bar that moves
    bodies = []
    for start in range(0, len(images), batch):
        body = io.BytesIO()
        np.save(body, images[start : start + batch])
        bodies.append(body.getvalue())
    return bodies


def report(predicted: np.ndarray, labels: np.ndarray, names: list[str], output: Path) -> None:
    """Count what is right; write evaluation.json and accuracy-per-class.png, show the weakest classes.

    Args:
        predicted: class ids, int [N].
        labels: the true ones, [N].
        names: of the classes, in the order of their ids.
        output: folder, made if it is missing.
    """
    counts = np.bincount(labels, minlength=len(names))
    right = np.bincount(labels[predicted == labels], minlength=len(names))
    overall = float(np.mean(predicted == labels))
    per_class = {name: float(r / c) for name, r, c in zip(names, right, counts, strict=True) if c}

    output.mkdir(parents=True, exist_ok=True)
    content = {"accuracy": overall, "images": len(labels), "accuracy_per_class": per_class}
    (output / "evaluation.json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    _plot(per_class, overall, output / "accuracy-per-class.png")
    table = Table("weakest classes", "accuracy", "images")
    for name, accuracy in sorted(per_class.items(), key=lambda item: item[1])[:_WORST]:
        table.add_row(Text(name), f"{accuracy:.1%}", str(counts[names.index(name)]))
    console = Console()
    console.print(table)
    console.print(Text(f"accuracy {overall:.4f} on {len(labels):,} test images; see {output}/"))


@mpl.rc_context({"text.parse_math": False})  # a dollar in the name of a class is no formula
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


if __name__ == "__main__":
    main()
