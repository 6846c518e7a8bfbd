"""Folders named as parts of a data set: read as such, refused where that is ambiguous, never taken for classes."""

from itertools import chain
from pathlib import Path

import pytest

from tests.unit.data.trees import tree
from traffic_signs.data import reading
from traffic_signs.errors import DataError


def parts(folder: Path) -> dict[str, list[str]]:
    """Return the names of the images of each part, after a check of the classes."""
    source = reading.find(folder)
    assert source.names == ("stop", "yield")
    return {
        part: [sample.name for sample in samples]
        for part, samples in (("training", source.training), ("validation", source.validation), ("test", source.test))
        if samples
    }


@pytest.mark.parametrize(
    ("training", "validation", "test"),
    [
        ("train", "valid", "test"),  # Roboflow, YOLO
        ("train_data", "valid_data", "test_data"),
        ("Train", "Val", "Test"),
        ("TRAINING", "VALIDATION", "TESTING"),
        ("tr", "dev", "eval"),
        ("signs-train", "signs-dev", "signs-testing"),
        ("trainImages", "validImages", "TestSet"),
        ("train2017", "val2017", "test2017"),
        ("trainset", "valset", "testset"),
    ],
)
def test_training_validation_and_test_are_kept_apart_by_any_of_their_names(
    training: str, validation: str, test: str, tmp_path: Path
) -> None:
    folders = {"training": training, "validation": validation, "test": test}
    names = {part: [f"{folder}/stop/a.png", f"{folder}/yield/b.png"] for part, folder in folders.items()}
    assert parts(tree(tmp_path / "set", *chain.from_iterable(names.values()))) == names


@pytest.mark.parametrize(
    ("training", "test"),
    [("training_set", "test_set"), ("TSRD-Train", "TSRD-Test"), ("Train", "Test"), ("Training", "Testing")],
)
def test_two_parts_are_not_taken_for_two_classes(training: str, test: str, tmp_path: Path) -> None:
    names = {"training": [f"{training}/stop/a.png", f"{training}/yield/b.png"], "test": [f"{test}/yield/c.png"]}
    assert parts(tree(tmp_path / "set", *chain.from_iterable(names.values()))) == names


@pytest.mark.parametrize("between", ["{part}", "images", "Images/{part}"])
def test_a_folder_between_part_and_classes_is_not_a_class(between: str, tmp_path: Path) -> None:
    names = {
        part: [f"{folder}/{between.format(part=folder)}/{name}/a.png" for name in ("stop", "yield")]
        for part, folder in {"training": "training_set", "test": "test_set"}.items()
    }
    assert parts(tree(tmp_path / "set", *chain.from_iterable(names.values()))) == names


@pytest.mark.parametrize("tops", [("first", "second"), ("one", "three", "two"), ("a", "b", "c", "d")])
def test_folders_that_may_be_parts_or_classes_are_refused(tops: tuple[str, ...], tmp_path: Path) -> None:
    tree(tmp_path / "set", *(f"{top}/{name}/a.png" for top in tops for name in ("stop", "yield")))
    with pytest.raises(
        DataError, match=rf"{', '.join(tops)} may be parts of the data set or classes: .*, such as stop;"
    ):
        reading.find(tmp_path / "set")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("train/stop/a.png", "training_set/stop/b.png"), "the training part may be train or training_set;"),
        (("dev/stop/a.png", "train/stop/b.png", "val/stop/c.png"), "the validation part may be dev or val;"),
        (("train_val/stop/a.png", "test/stop/b.png"), "the folder train_val may be the training or validation part;"),
        (("train/a.png", "test/b.png"), "the images are directly in test and train, which are parts of a data set;"),
        (
            ("train/images/a.jpg", "valid/images/b.jpg"),  # boxes of YOLO, which have no folders of classes
            "the images are directly in train/images and valid/images; expected a folder per class in each",
        ),
        (("stop/test/a.png", "stop/train/b.png", "yield/train/c.png"), "the parts test, train are in the folder stop"),
        (("DATA/stop/a.png", "DATA/yield/b.png", "TEST/c.png"), "the folder DATA is beside TEST but names no part"),
        (
            ("extra/stop/a.png", "train/stop/b.png", "test/stop/c.png"),
            "the folder extra is beside test, train but names",
        ),
    ],
)
def test_ambiguous_parts_are_refused_with_what_to_rename(names: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        reading.find(tree(tmp_path / "set", *names))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "names",
    [
        ("train/a.png", "car/a.png"),  # classes, because no classes are in them
        ("test tube/a.png", "dev board/a.png", "flask/a.png"),
        ("car/one/a.png", "bus/two/a.png"),  # tracks of other names
        ("car/1/a.png", "bus/1/a.png", "bus/b.png"),  # a part has no images beside its classes
        tuple(f"{name}/{track}/a.png" for name in "abcde" for track in (1, 2)),  # more than parts could be
    ],
)
def test_classes_stay_classes(names: tuple[str, ...], tmp_path: Path) -> None:
    source = reading.find(tree(tmp_path / "set", *names))
    assert set(source.names) == {name.split("/")[0] for name in names}
    assert len(source.training) == len(names)


@pytest.mark.parametrize("top", ["", "archive/"])
def test_a_title_picture_above_all_folders_changes_neither_parts_nor_classes(top: str, tmp_path: Path) -> None:
    signs = [f"{top}data/{name}/{number}.png" for name in ("stop", "yield") for number in range(2)]
    source = reading.find(tree(tmp_path / "classes", "cover.png", *signs), allow_unused=True)
    assert (source.names, source.unused) == (("stop", "yield"), ("cover.png",))
    signs = [f"{top}data/{part}/{name}/1.png" for part in ("train", "test") for name in ("stop", "yield")]
    source = reading.find(tree(tmp_path / "parts", f"{top}cover.png", *signs), allow_unused=True)
    assert [sample.name for sample in source.test] == sorted(name for name in signs if "test" in name)
    assert (source.names, source.unused) == (("stop", "yield"), (f"{top}cover.png",))
