"""What a layout explains is used, every other file is named, and a set that looks like another is read as itself."""

import shutil
from pathlib import Path

import pytest

from tests.unit.data.trees import tree
from traffic_signs.data import reading
from traffic_signs.errors import DataError


def belgium(folder: Path, classes: int) -> Path:
    """BelgiumTS: folders as GTSRB's, but other classes, and tracks numbered through all of them."""
    for part in ("Training", "Testing"):
        for label in range(classes):
            images = (f"{part}/{label:05d}/{1153 + label:05d}_{frame:05d}.ppm" for frame in range(2))
            tree(folder, *images, f"{part}/{label:05d}/GT-{label:05d}.csv")
    return folder


@pytest.mark.parametrize("classes", [43, 62])
def test_belgian_signs_have_no_german_names_and_keep_their_test_part(classes: int, tmp_path: Path) -> None:
    source = reading.find(belgium(tmp_path / "BelgiumTS", classes))
    assert source.names == tuple(f"{label:05d}" for label in range(classes))
    assert (len(source.training), len(source.test)) == (2 * classes, 2 * classes)
    assert len({sample.track for sample in source.training}) == classes  # frames of one sign share a track
    assert source.warnings == (
        f"not used: {2 * classes} of {6 * classes} files: {2 * classes} .csv, such as Testing/00000/GT-00000.csv",
    )


def test_belgian_training_signs_alone_have_no_german_names(tmp_path: Path) -> None:
    shutil.rmtree(belgium(tmp_path / "BelgiumTS", 43) / "Testing")
    assert reading.find(tmp_path / "BelgiumTS").names[1] == "00001"


def test_frames_are_not_counted_twice_where_the_first_phase_is_beside_the_final_set(tmp_path: Path) -> None:
    frames = [f"{label:05d}/00000_0000{frame}.ppm" for label in range(3) for frame in range(5)]
    folder = tree(
        tmp_path / "set",
        *(f"GTSRB/{part}/{frame}" for part in ("Training", "Final_Training/Images") for frame in frames),
    )
    with pytest.raises(
        DataError, match=r"15 of 30 images would not be used, such as GTSRB/Training/00000/00000_00000\.ppm"
    ):
        reading.find(folder)
    source = reading.find(folder, allow_unused=True)
    assert [sample.name for sample in source.training] == [f"GTSRB/Final_Training/Images/{frame}" for frame in frames]
    assert len(source.unused) == 15


def test_a_copy_of_the_set_within_it_is_not_read_twice(drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn, tmp_path / "set")
    shutil.copytree(drawn, tmp_path / "set" / "backup")
    with pytest.raises(DataError, match="473 of 946 images would not be used, such as backup/"):
        reading.find(tmp_path / "set")
    assert len(reading.find(tmp_path / "set", allow_unused=True).training) == 430


def test_torchvisions_download_is_read_with_its_test_part(drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn, tmp_path / "gtsrb")
    images = tmp_path / "gtsrb" / "GTSRB" / "Final_Training" / "Images"
    images.rename(tmp_path / "gtsrb" / "GTSRB" / "Training")
    images.parent.rmdir()
    tests = tmp_path / "gtsrb" / "GTSRB" / "Final_Test"
    archive = shutil.make_archive(str(tmp_path / "archive"), "zip", tmp_path / "gtsrb", "GTSRB/Final_Test")
    shutil.move(archive, tmp_path / "gtsrb" / "GTSRB_Final_Test_Images.zip")  # it stays beside what was unpacked
    (tmp_path / "gtsrb" / "GTSRB-Training_fixed.zip").write_bytes(b"not read")
    source = reading.find(tmp_path)
    assert (source.layout, len(source.training), len(source.test)) == ("GTSRB, official", 430, 43)
    source = reading.find(tmp_path / "gtsrb")
    assert (source.layout, len(source.training), len(source.test)) == ("GTSRB, official", 430, 43)
    shutil.rmtree(tests)
    assert len(reading.find(tmp_path / "gtsrb").test) == 43  # from the archive
    assert source.unused == ("GTSRB-Training_fixed.zip",)


@pytest.mark.parametrize(("loose", "refused"), [(2, False), (3, True)])
def test_more_than_one_percent_of_unused_images_is_an_error(loose: int, refused: bool, tmp_path: Path) -> None:
    classes = [f"{name}/{number}.png" for name in ("stop", "yield") for number in range(99)]
    folder = tree(tmp_path / "set", *classes, *(f"loose-{number}.png" for number in range(loose)), "README.md")
    if refused:
        with pytest.raises(
            DataError, match=r"3 of 201 images would not be used, such as loose-0\.png and loose-1\.png: they"
        ):
            reading.find(folder)
    source = reading.find(folder, allow_unused=refused)
    assert len(source.training) == 198
    assert source.unused == ("README.md", *(f"loose-{number}.png" for number in range(loose)))
    assert source.warnings == (
        f"not used: {loose + 1} of {199 + loose} files: 1 .md, such as README.md; {loose} .png, such as loose-0.png",
    )


def test_test_images_in_no_class_folder_are_an_error(tmp_path: Path) -> None:
    names = [f"Train/{name}/{number}.png" for name in ("stop", "yield") for number in range(5)]
    with pytest.raises(DataError, match=r"2 of 12 images would not be used, such as Test/0\.png and Test/1\.png"):
        reading.find(tree(tmp_path / "set", *names, "Test/0.png", "Test/1.png"))


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_class_without_training_images_is_named(part: str, tmp_path: Path) -> None:
    folder = tree(
        tmp_path / "set", "train/stop/a.png", "train/yield/b.png", f"{part}/stop/c.png", f"{part}/Yield/d.png"
    )
    with pytest.raises(
        DataError, match=f"{part}/Yield/d.png: class 'Yield' has no training images; training has 'yield'"
    ):
        reading.find(folder)


def test_a_class_of_gtsrb_without_training_images_is_named(drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn, tmp_path / "set")
    shutil.rmtree(tmp_path / "set" / "GTSRB" / "Final_Training" / "Images" / "00014")
    with pytest.raises(DataError, match="class 'Stop' has no training images"):
        reading.find(tmp_path / "set")
