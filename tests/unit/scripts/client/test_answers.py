"""What the commands for an endpoint show of its answers, whatever classes and files are called."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scripts.client import accuracy, answers

NAMES = ["a [red] b", "x [/y] z", ":warning:", "$x^2$", "costs $\\frac$ more"]
"""Of classes: to Rich markup and an emoji, to Matplotlib formulas, one of which is none."""


def drawn(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("L"))


def test_names_are_shown_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    answers.show(
        (f"{name}.png", {"name": name, "class_id": number, "probability": 1}) for number, name in enumerate(NAMES)
    )
    shown = capsys.readouterr().out
    for name in NAMES:
        assert f"│ {name}.png " in shown
        assert f"│ {name} " in shown


def test_names_of_the_weakest_classes_are_shown_as_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.arange(len(NAMES))
    accuracy.report(labels[::-1], labels, NAMES, tmp_path / "[b]")
    shown = capsys.readouterr().out
    for name in NAMES:
        assert f"│ {name} " in shown
    assert "[b]/" in shown.replace("\n", "")
    assert (tmp_path / "[b]" / "accuracy-per-class.png").exists()


def picture(folder: Path, name: str, size: tuple[int, int] = (32, 32)) -> np.ndarray:
    """Draw nine white images of *size*, all of class *name*; return the picture, uint8 [height, width]."""
    Image.new("L", size, 255).save(folder / "one.png")
    answers.draw([folder / "one.png"] * 9, [{"name": name, "probability": 1}] * 9, folder / "new" / "out.png")
    return drawn(folder / "new" / "out.png")


def test_a_short_table_has_the_least_certain_answers(capsys: pytest.CaptureFixture[str]) -> None:
    probabilities = {"sure.png": 0.99, "unsure.png": 0.4, "fair.png": 0.7}
    rows = [(name, {"name": "Stop", "class_id": 14, "probability": each}) for name, each in probabilities.items()]
    answers.show(rows, 2)
    shown = capsys.readouterr().out
    assert "the 2 least certain of 3 images" in shown
    assert shown.index("unsure.png") < shown.index("fair.png")
    assert "sure.png" not in shown.replace("unsure.png", "")


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_drawn_whatever_a_class_is_called(name: str, tmp_path: Path) -> None:
    assert picture(tmp_path, name).min() < 128


@pytest.mark.parametrize("size", [(32, 32), (100, 90), (40, 32), (32, 90), (120, 30)])
def test_titles_are_not_cut_whatever_the_images_shape(size: tuple[int, int], tmp_path: Path) -> None:
    seen = picture(tmp_path, "Right of way at the next intersection", size)
    assert seen[:2].min() == 255


@pytest.mark.parametrize("name", ["deep.png", "deep.pgm"])
def test_sixteen_bits_are_scaled_and_not_clipped(name: str, tmp_path: Path) -> None:
    Image.fromarray(np.full((32, 32), 0x4000, np.uint16)).save(tmp_path / name)
    answers.draw([tmp_path / name], [{"name": "", "probability": 1}], tmp_path / "out.png")
    seen = drawn(tmp_path / "out.png")
    assert seen[seen.shape[0] // 2, seen.shape[1] // 2] == 0x40
