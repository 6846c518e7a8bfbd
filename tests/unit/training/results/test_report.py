"""The report as a user finds it: files that open, a page that is whole, the same figures in both."""

import base64
import io
import json
import threading
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from traffic_signs.data.dataset import Dataset
from traffic_signs.model import artifact
from traffic_signs.paths import OptMl
from traffic_signs.settings.training import TrainingSettings
from traffic_signs.training import job
from traffic_signs.training.fit.cluster import Cluster
from traffic_signs.training.fit.hosts import Hosts
from traffic_signs.training.recipe.presets import PRESETS
from traffic_signs.training.results import report
from traffic_signs.training.results.outcome import Run, Validation

pytestmark = pytest.mark.filterwarnings("error:constrained_layout not applied")
ALWAYS = {"curves.png", "class-distribution.png"}
VALIDATED = {"accuracy-per-class.png", "accuracy-by-count.png", "confusion-matrix.png", "reliability.png"}
VOID = {"meta", "img", "br"}
HOSTILE = ("<script>alert(1)</script>", 'a"b & <i>', "$x_{$", "_hidden", "long " * 40)


class Page(HTMLParser):
    """What a browser would make of the page; a tag that is not closed fails."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "data", "action")]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] != ["style"]:
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def a_set(names: tuple[str, ...], labels: np.ndarray, seed: int) -> Dataset:
    images = np.random.default_rng(seed).integers(0, 256, (len(labels), 32, 32, 1), np.uint8)
    return Dataset(images, labels.astype(np.int32), np.arange(len(labels), dtype=np.int32), names)


def a_run(names: tuple[str, ...], *, present: int | None = None) -> Run:
    """A run of three epochs; the validation set has images of the first *present* classes."""
    random = np.random.default_rng(3)
    training = a_set(names, np.repeat(np.arange(len(names)), 3), 1)
    validation = a_set(names, np.repeat(np.arange(present or len(names)), 4), 2)
    weights = random.random((len(validation), len(names))) + 3 * np.eye(len(names))[validation.labels] * (
        random.random((len(validation), 1)) < 0.7
    )
    probabilities = (weights / weights.sum(1, keepdims=True)).astype(np.float32)
    sharper = probabilities**2
    return Run(
        history={
            "train_loss": [2.0, 1.0, 0.9],
            "train_accuracy": [0.3, 0.6, 0.7],
            "validation_loss": [1.5, 0.9, 1.0],
            "validation_accuracy": [0.4, 0.7, 0.6],
            "learning_rate": [0.001, 0.0005, 0.0001],
        },
        best_epoch=2,
        training=training,
        validation=Validation(validation, probabilities, sharper / sharper.sum(1, keepdims=True)),
        temperature=2.0,
        settings={"preset": "lenet", "epochs": 3, "note": "<b>bold</b>"},
        versions={"tensorflow": "2.21.0"},
        seconds=3725.4,
    )


def written(folder: Path) -> tuple[dict[str, object], Page, set[str]]:
    """Read metrics.json, the page and the names of the plots, each of which opens."""
    plots = {path.name for path in folder.glob("*.png")}
    for name in plots:
        with Image.open(folder / name) as image:
            image.load()
            assert min(image.size) > 200
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "url(" not in text
    assert "@import" not in text
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8")), Page(text), plots


def inlined(page: Page, folder: Path) -> set[str]:
    """Name the files that the page holds byte for byte; every link must be a PNG inside it."""
    files = {path.read_bytes(): path.name for path in folder.glob("*.png")}
    found = set()
    for link in page.links:
        kind, data = link.split(",", 1)
        assert kind == "data:image/png;base64"
        content = base64.b64decode(data, validate=True)
        Image.open(io.BytesIO(content)).load()
        found.add(files.get(content, "a sign"))
    return found


@pytest.fixture(scope="module")
def run() -> Run:
    return a_run(HOSTILE, present=4)


@pytest.fixture(scope="module")
def folder(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report") / "data"
    report.write(folder, run)
    return folder


def test_the_page_holds_every_plot_and_needs_nothing_else(folder: Path) -> None:
    _, page, plots = written(folder)
    assert plots == ALWAYS | VALIDATED
    assert inlined(page, folder) == plots | {"a sign"}
    assert not {"script", "link", "iframe"} & set(page.tags)


def test_the_figures_are_those_of_the_predictions(run: Run, folder: Path) -> None:
    metrics, page, _ = written(folder)
    assert run.validation is not None
    figures, probabilities, labels = run.headline, run.validation.probabilities, run.validation.data.labels
    right = probabilities.argmax(1) == labels
    assert 0 < right.sum() < len(right)
    assert figures["validation_accuracy"] == right.mean()
    assert figures["balanced_accuracy"] == pytest.approx(right.reshape(4, 4).mean())  # as many images of each class
    of_label = probabilities[np.arange(len(right)), labels]
    assert figures["validation_loss"] == pytest.approx(-np.log(of_label).mean(), rel=1e-5)
    assert figures.items() <= metrics.items()
    for name in ("validation_accuracy", "balanced_accuracy", "ece", "ece_uncalibrated"):
        assert f"{figures[name]:.2%}" in page.text
    for name in ("validation_loss", "validation_loss_uncalibrated", "temperature"):
        assert f"{figures[name]:.4f}" in page.text
    for value in (run.training.fingerprint, run.validation.data.fingerprint, "1 h 2 min", "<b>bold</b>", "2.21.0"):
        assert value in page.text


def test_metrics_json_has_what_the_page_draws(run: Run, folder: Path) -> None:
    metrics, _, _ = written(folder)
    assert metrics["history"] == run.history
    assert metrics["settings"] == run.settings
    assert metrics["images"] == {"training": 15, "validation": 16}
    assert np.sum(np.array(metrics["confusion_matrix"]), axis=1).tolist() == [4, 4, 4, 4, 0]
    assert isinstance(metrics["accuracy_per_class"], dict)
    assert list(metrics["accuracy_per_class"]) == list(HOSTILE)
    assert metrics["accuracy_per_class"][HOSTILE[4]] is None


def test_names_of_classes_are_text_and_nothing_else(folder: Path) -> None:
    _, page, _ = written(folder)
    assert "i" not in page.tags
    for name in HOSTILE:
        assert " ".join(name.split()) in page.text


def test_mistakes_show_one_frame_of_a_sign(run: Run, tmp_path: Path) -> None:
    assert run.validation is not None
    data = run.validation.data
    one_sign = replace(data, tracks=np.zeros(len(data), np.int32))
    report.write(tmp_path, replace(run, validation=replace(run.validation, data=one_sign)))
    _, page, _ = written(tmp_path)
    assert page.tags.count("li") == 1


@pytest.mark.parametrize("classes", [2, 100, 600])
def test_any_number_of_classes(classes: int, tmp_path: Path) -> None:
    report.write(tmp_path, a_run(tuple(f"class {index}" for index in range(classes))))
    _, page, plots = written(tmp_path)
    assert plots == ALWAYS | VALIDATED
    assert f"class {classes - 1}" in page.text


def test_a_run_without_validation_says_so(run: Run, tmp_path: Path) -> None:
    history = {name: run.history[name] for name in ("train_loss", "train_accuracy")}
    alone = replace(run, history=history, validation=None, temperature=1.0)
    report.write(tmp_path, alone)
    assert alone.headline == {"best_epoch": 2, "temperature": 1, "train_loss": 1, "train_accuracy": 0.6}
    metrics, page, plots = written(tmp_path)
    assert plots == ALWAYS
    assert inlined(page, tmp_path) == ALWAYS
    assert "There is no validation set" in page.text
    assert "confusion_matrix" not in metrics


def test_a_run_without_mistakes_says_so(run: Run, tmp_path: Path) -> None:
    assert run.validation is not None
    sure = np.eye(5, dtype=np.float32)[run.validation.data.labels]
    certain = replace(run, validation=Validation(run.validation.data, sure, sure))
    report.write(tmp_path, certain)
    figures = certain.headline
    assert (figures["validation_accuracy"], figures["validation_loss"], figures["ece"]) == (1, 0, 0)
    _, page, _ = written(tmp_path)
    assert "No validation image is misclassified" in page.text


def test_the_report_says_that_a_job_was_stopped_or_resumed(run: Run, folder: Path, tmp_path: Path) -> None:
    report.write(tmp_path, replace(run, stopped=True, resumed=True, history={}))
    for told, where in ((True, tmp_path), (False, folder)):
        metrics, page, _ = written(where)
        assert (metrics["stopped"], metrics["resumed"]) == (told, told)
        assert ("stopped before its last epoch" in page.text) is told
        assert ("resumed from a checkpoint" in page.text) is told


def test_a_finished_job_succeeds_though_its_report_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = a_set(("a", "b"), np.repeat([0, 1], 8), 1)
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "data").write_text("a file where the folder should be")
    stop = threading.Event()
    job.run(
        OptMl(tmp_path),
        TrainingSettings(epochs=1, temperature=5.0),
        replace(PRESETS["lenet"], epochs=1),
        data,
        data,
        cluster=Cluster(Hosts("algo-1", ("algo-1",)), stop),
        stop=stop,
    )
    assert artifact.read(tmp_path / "model").labels == ("a", "b")
    assert f"the report in {tmp_path}/output/data is not: FileExistsError" in caplog.text
    assert "hyperparameter temperature = 5.0 is ignored without final = true" in caplog.text
