"""The same name, written in two ways: found where one is meant, an error where two are."""

import unicodedata
from pathlib import Path

import pytest

from tests.unit.data.trees import tree
from traffic_signs.data import reading
from traffic_signs.errors import DataError

NFC, NFD = (unicodedata.normalize(form, "Füße") for form in ("NFC", "NFD"))


@pytest.mark.parametrize(("training", "test"), [(NFC, NFD), (NFD, NFC)])
def test_a_class_has_one_name_in_all_parts_as_it_is_written_in_training(
    training: str, test: str, tmp_path: Path
) -> None:
    folder = tree(tmp_path / "set", f"train/{training}/a.png", "train/stop/b.png", f"test/{test}/c.png")
    source = reading.find(folder)
    assert source.names == (training, "stop")
    assert [(sample.name, sample.label) for sample in source.test] == [(f"test/{test}/c.png", 0)]


def test_two_classes_whose_names_look_the_same_are_an_error_that_has_both(tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        reading.find(tree(tmp_path / "set", f"{NFC}/a.png", f"{NFD}/b.png", "stop/c.png"))
    assert rf"the folders {NFD!a} and {NFC!a} have the same name, written in two ways" in str(refused.value)


def test_classes_that_differ_by_case_are_two(tmp_path: Path) -> None:
    assert reading.find(tree(tmp_path / "set", "A/a.png", "a/a.png", "b/b.png")).names == ("A", "a", "b")


def kaggle(folder: Path, written: str = "Train", on_disk: str = "train", table: str = "Train.csv") -> Path:
    """Kaggle's layout of two classes, whose table writes the folder in another way than the disk has it."""
    names = [f"{label}/{label:05d}_{track:05d}_00000.png" for label in (3, 14) for track in (0, 1)]
    tree(folder, *(f"{on_disk}/{name}" for name in names), "Test/00000.png", "Meta/3.png", "Meta/14.png")
    rows = [
        f"{name.split('/')[0]},{written}{name}" if written[-1:] == "\\" else f"{name.split('/')[0]},{written}/{name}"
        for name in names
    ]
    (folder / table).write_text("\n".join(["ClassId,Path", *rows]))
    (folder / "Test.csv").write_text("ClassId,Path\n14,Test/00000.png\n")
    return folder


@pytest.mark.parametrize(
    ("written", "on_disk", "table"),
    [
        ("Train", "train", "Train.csv"),
        ("train", "Train", "train.csv"),
        ("./Train", "TRAIN", "TRAIN.CSV"),
        ("Train\\", "Train", "Train.csv"),
    ],
)
def test_kaggles_table_finds_files_in_another_case_or_with_other_slashes(
    written: str, on_disk: str, table: str, tmp_path: Path
) -> None:
    source = reading.find(kaggle(tmp_path / "set", written, on_disk, table))
    assert (source.layout, source.unused) == ("GTSRB, Kaggle", ())
    assert [(sample.name, sample.label, sample.track) for sample in source.training[:2]] == [
        (f"{on_disk}/3/00003_00000_00000.png", 3, "3/00000"),
        (f"{on_disk}/3/00003_00001_00000.png", 3, "3/00001"),
    ]
    assert [sample.label for sample in source.test] == [14]


@pytest.mark.parametrize("start", ["../", "..\\", "Train/../../"])
def test_a_path_in_a_table_that_leads_out_of_the_set_is_not_found(start: str, tmp_path: Path) -> None:
    folder = kaggle(tmp_path / "set")
    table = folder / "Train.csv"
    table.write_text(table.read_text().replace("3,Train", f"3,{start}Train", 1))
    with pytest.raises(DataError) as refused:
        reading.find(folder)
    assert f"Train.csv names {start}Train/3/00003_00000_00000.png, which is missing" in str(refused.value)


def test_columns_are_found_in_any_case(tmp_path: Path) -> None:
    folder = kaggle(tmp_path / "set")
    table = folder / "Train.csv"
    table.write_text(table.read_text().replace("ClassId,Path", " classid , PATH"))
    assert len(reading.find(folder).training) == 4


def test_two_files_that_a_table_may_mean_are_an_error_that_has_both(tmp_path: Path) -> None:
    folder = tree(kaggle(tmp_path / "set"), "TRAIN/3/00003_00000_00000.png")
    with pytest.raises(
        DataError, match=r"may be 'TRAIN/3/0\w*\.png' or 'train/3/0\w*\.png'; remove or rename one of them"
    ):
        reading.find(folder)


def test_one_file_twice_in_a_table_is_an_error_that_has_both(tmp_path: Path) -> None:
    folder = kaggle(tmp_path / "set")
    with (folder / "Train.csv").open("a") as table:
        table.write("\n3,TRAIN/3/00003_00000_00000.png")
    with pytest.raises(DataError, match=r"one file twice, as Train/3/0\w*\.png and as TRAIN/3/0\w*\.png"):
        reading.find(folder)


def test_kaggles_second_copy_in_lower_case_is_not_a_fault(tmp_path: Path) -> None:
    folder = kaggle(tmp_path / "set", on_disk="Train")
    for path in (*folder.glob("Train/*/*"), *folder.glob("Test/*"), *folder.glob("Meta/*")):
        copy = folder / str(path.relative_to(folder)).lower()
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    source = reading.find(folder)
    assert [len(source.training), len(source.test), len(source.unused)] == [4, 1, 0]
    assert all(sample.name.startswith("Train/") for sample in source.training)


@pytest.mark.parametrize("change", ["another class", "other names"])
def test_a_table_of_other_signs_gives_no_german_names(change: str, tmp_path: Path) -> None:
    folder = kaggle(tmp_path / "set", on_disk="Train")
    table = folder / "Train.csv"
    old, new = ("14/00014", "50/00050") if change == "another class" else ("00014_", "sign-")
    for path in (folder / "Train" / "14").iterdir():
        moved = folder / str(path.relative_to(folder)).replace(old, new)
        moved.parent.mkdir(exist_ok=True)
        path.rename(moved)
    table.write_text(table.read_text().replace(old, new))
    source = reading.find(folder / "Train")
    assert source.names == ("3", "50" if change == "another class" else "14")
    with pytest.raises(DataError, match=r"Test/00000\.png|the folder Meta is beside"):
        reading.find(folder)
