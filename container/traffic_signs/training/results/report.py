"""Training report: metrics as JSON, plots, and an HTML page, in the job's output.

metrics.json              headline metrics, accuracy per class, confusion matrix, history, settings, versions
report.html               all of it on one page that needs no other file
curves.png                loss, accuracy and learning rate by epoch
class-distribution.png    images per class in training and validation
accuracy-per-class.png    lowest accuracy first
accuracy-by-count.png     accuracy of a class by its number of training images
confusion-matrix.png      true class by predicted class
reliability.png           accuracy against confidence, before and after the temperature

Without a validation set there are only the first four.
"""

import base64
import io
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from PIL import Image

from traffic_signs.data import pictures
from traffic_signs.data.dataset import Dataset
from traffic_signs.training.results import plots
from traffic_signs.training.results.calibration import reliability
from traffic_signs.training.results.outcome import Run

_MAX_MISTAKES = 24


def write(directory: Path, run: Run) -> None:
    """Write the report of *run*.

    Args:
        directory: usually /opt/ml/output/data; created if it is missing.
        run: the completed training run.
    """
    directory.mkdir(parents=True, exist_ok=True)
    content = {
        **run.headline,
        "seconds": run.seconds,
        "stopped": run.stopped,
        "resumed": run.resumed,
        "images": {name: len(part) for name, part in run.parts.items()},
        "fingerprints": {name: part.fingerprint for name, part in run.parts.items()},
        "history": {name: list(values) for name, values in run.history.items()},
        "settings": dict(run.settings),
        "versions": dict(run.versions),
    }
    page: dict[str, Any] = {"run": run, "metrics": run.headline}
    plot_names = ["curves.png", "class-distribution.png"]
    plots.curves(run.history, run.best_epoch, directory / plot_names[0])
    pictures.class_distribution(run.parts, directory / plot_names[1])
    if run.validation:
        data, probabilities = run.validation.data, run.validation.probabilities
        names, labels, counts = data.names, data.labels, data.counts
        confusion = np.zeros((len(names), len(names)), int)
        np.add.at(confusion, (labels, probabilities.argmax(1)), 1)
        accuracy = confusion.diagonal() / np.where(counts, counts, np.nan)
        content["accuracy_per_class"] = {
            name: None if np.isnan(value) else float(value) for name, value in zip(names, accuracy, strict=True)
        }
        content["confusion_matrix"] = confusion.tolist()
        page["classes"] = _class_rows(run.training, confusion, accuracy)
        page["mistakes"] = _confident_mistakes(data, probabilities)
        plot_names += ["accuracy-per-class.png", "accuracy-by-count.png", "confusion-matrix.png", "reliability.png"]
        plots.accuracy_per_class(accuracy, names, run.headline["validation_accuracy"], directory / plot_names[2])
        plots.accuracy_by_count(accuracy, run.training.counts, names, directory / plot_names[3])
        plots.confusion_matrix(confusion, names, directory / plot_names[4])
        before, after = (reliability(values, labels) for values in (run.validation.uncalibrated, probabilities))
        plots.reliability(before, after, directory / plot_names[5])
    text = json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
    (directory / "metrics.json").write_text(text, encoding="utf-8")
    page["plots"] = {name: _plot(directory / name) for name in plot_names}
    (directory / "report.html").write_text(_render(page), encoding="utf-8")


def _class_rows(training: Dataset, confusion: np.ndarray, accuracy: np.ndarray) -> list[dict[str, Any]]:
    """Return the rows of the class table, lowest accuracy first, classes without images last."""
    wrong = confusion * (1 - np.eye(len(confusion), dtype=int))
    return [
        {
            "name": training.names[index],
            "accuracy": None if np.isnan(accuracy[index]) else accuracy[index],
            "validation": confusion[index].sum(),
            "training": training.counts[index],
            "mistaken": training.names[wrong[index].argmax()],
            "mistakes": wrong[index].max(),
        }
        for index in np.argsort(accuracy, kind="stable")
    ]


def _confident_mistakes(validation: Dataset, probabilities: np.ndarray) -> list[dict[str, Any]]:
    """Return the wrong predictions with the highest confidence, one per track, because its frames look alike."""
    confidence, predicted = probabilities.max(1), probabilities.argmax(1)
    wrong = np.flatnonzero(predicted != validation.labels)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    _, first = np.unique(validation.tracks[wrong], return_index=True)
    mistakes = []
    for index in wrong[np.sort(first)][:_MAX_MISTAKES]:
        Image.fromarray(validation.images[index, :, :, 0]).save(png := io.BytesIO(), "PNG")
        mistakes.append(
            {
                "uri": _data_uri(png.getvalue()),
                "true": validation.names[validation.labels[index]],
                "predicted": validation.names[predicted[index]],
                "confidence": confidence[index],
            }
        )
    return mistakes


def _render(page: Mapping[str, Any]) -> str:
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters |= {"percent": "{:.2%}".format, "decimal": "{:.4f}".format, "count": "{:,}".format}
    environment.filters["duration"] = _duration
    template = files("traffic_signs.training.results").joinpath("report.html").read_text(encoding="utf-8")
    return environment.from_string(template).render(page)


def _plot(path: Path) -> dict[str, Any]:
    with Image.open(path) as image:
        width = image.width / image.info["dpi"][0] * 96  # an inch is 96 CSS pixels, which keeps the font size
    return {"uri": _data_uri(path.read_bytes()), "width": round(width)}


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"
