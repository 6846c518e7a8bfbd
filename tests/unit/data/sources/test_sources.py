"""The layouts in which a data set comes, each read to the same arrays."""

import io
import itertools
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from traffic_signs.data import reading
from traffic_signs.data.dataset import Dataset
from traffic_signs.errors import DataError


def read(path: Path) -> tuple[Dataset, Dataset | None, str]:
    source = reading.find(path)
    training, unreadable = reading.read_samples(source.training, source.names, "training")
    assert not unreadable
    test = reading.read_samples(source.test, source.names, "test")[0] if source.test else None
    return training, test, source.layout


def pack(archive: Path, folder: Path, pattern: str) -> None:
    with zipfile.ZipFile(archive, "w") as target:
        for path in sorted(folder.rglob(pattern)):
            target.write(path, path.relative_to(folder))


def test_official_folders_give_labels_tracks_and_the_test_part(drawn: Path) -> None:
    training, test, layout = read(drawn)
    assert layout == "GTSRB, official"
    assert training.counts.tolist() == [10] * 43
    assert len(np.unique(training.tracks)) == 43 * 5
    assert test is not None
    assert test.counts.tolist() == [1] * 43
    assert training.names[14] == "Stop"


def test_official_archives_give_the_same_arrays_as_folders(drawn: Path, tmp_path: Path) -> None:
    pack(tmp_path / "GTSRB_Final_Training_Images.zip", drawn, "Final_Training/**/*.ppm")
    pack(tmp_path / "GTSRB_Final_Test_Images.zip", drawn, "Final_Test/**/*.ppm")
    pack(tmp_path / "GTSRB_Final_Test_GT.zip", drawn, "*.csv")
    (tmp_path / "GTSRB-raw-size-sample.zip").write_bytes(b"something else in the folder")
    (training, test, _), (training_2, test_2, _) = read(drawn), read(tmp_path)
    assert training.fingerprint == training_2.fingerprint
    assert test is not None
    assert test_2 is not None
    assert test.fingerprint == test_2.fingerprint


@pytest.mark.parametrize("above", ["", "kaggle/gtsrb"])
def test_kaggles_layout_gives_the_same_arrays(drawn: Path, tmp_path: Path, above: str) -> None:
    folder = tmp_path / above
    rows = {"Train": ["Width,Height,ClassId,Path"], "Test": ["Width,Height,ClassId,Path"]}
    for path in sorted((drawn / "GTSRB" / "Final_Training" / "Images").rglob("*.ppm")):
        number = int(path.parent.name)
        name = f"Train/{number}/{path.parent.name}_{path.stem}.png"
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).save(folder / name)
        rows["Train"].append(f"30,30,{number},{name}")
    (folder / "Test").mkdir()
    table = (drawn / "GT-final_test.csv").read_text().split()[1:]
    for row in table:
        name, label = row.split(";")
        png = f"Test/{name.replace('ppm', 'png')}"
        Image.open(drawn / "GTSRB" / "Final_Test" / "Images" / name).save(folder / png)
        rows["Test"].append(f"30,30,{label},{png}")
    for part, lines in rows.items():
        (folder / f"{part}.csv").write_text("\n".join(lines))
    (training, test, _), (training_2, test_2, layout) = read(drawn), read(tmp_path)
    assert layout == "GTSRB, Kaggle"
    assert training.fingerprint == training_2.fingerprint
    np.testing.assert_array_equal(training.tracks, training_2.tracks)
    assert test is not None
    assert test_2 is not None
    assert test.fingerprint == test_2.fingerprint


def picture(path: Path, gray: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (20, 20), gray).save(path)


def test_a_folder_per_class_of_any_number_of_classes(tmp_path: Path) -> None:
    for name, gray in (("10", 10), ("2", 2), ("stop", 200)):
        picture(tmp_path / name / "a.png", gray)
    picture(tmp_path / "stop" / "track-1" / "b.jpg", 200)
    picture(tmp_path / "stop" / "track-1" / "c.bmp", 200)
    (tmp_path / "README.md").write_text("not an image")
    (tmp_path / "stop" / ".hidden.png").write_text("not an image")
    training, test, layout = read(tmp_path)
    assert (layout, test) == ("a folder per class", None)
    assert training.names == ("2", "10", "stop")
    assert training.images[:, 0, 0, 0].tolist() == [10, 2, 200, 200, 200]
    assert training.labels.tolist() == [1, 0, 2, 2, 2]
    assert len(np.unique(training.tracks)) == 4
    assert training.tracks[-1] == training.tracks[-2]


@pytest.mark.parametrize("above", ["", "data/signs"])
def test_parts_on_top_of_the_classes_are_kept_apart(tmp_path: Path, above: str) -> None:
    for part, name in itertools.product(("train", "val", "test"), ("stop", "yield")):
        picture(tmp_path / above / part / name / "a.png", 1)
    source = reading.find(tmp_path)
    assert source.names == ("stop", "yield")
    assert [len(part) for part in (source.training, source.validation, source.test)] == [2, 2, 2]
    picture(tmp_path / above / "test" / "unknown" / "a.png", 1)
    with pytest.raises(DataError, match="class 'unknown' has no training images"):
        reading.find(tmp_path)


def test_a_folder_of_images_beside_the_parts_is_refused(tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        picture(tmp_path / part / "stop" / "a.png", 1)
    picture(tmp_path / "docs" / "a.png", 1)
    with pytest.raises(DataError, match="the folder docs is beside test, train, val but names no part"):
        reading.find(tmp_path)


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for name in ("train", "car"):
        picture(tmp_path / name / "a.png", 1)
    assert reading.find(tmp_path).names == ("car", "train")


def test_folders_above_the_classes_count_for_nothing(tmp_path: Path) -> None:
    for name in ("stop", "yield", "go"):
        picture(tmp_path / "all" / "my" / "signs" / name / "a.png", 1)
    (tmp_path / "all" / "README.txt").write_text("not an image")
    pack(tmp_path / "x.zip", tmp_path / "all", "**/*.*")
    for path in (tmp_path / "all", tmp_path / "x.zip"):
        assert reading.find(path).names == ("go", "stop", "yield")


def test_members_of_a_zip_are_called_as_in_a_folder(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", 1)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for name in ("./stop/a.png", "./yield//b.png", "yield/.c.png", "./../go/d.png", "__MACOSX/stop/e.png"):
            archive.writestr(name, (tmp_path / "a.png").read_bytes())
    source = reading.find(tmp_path / "x.zip")
    # as unzip does, ".." before a path is ignored: zip writes it for a folder beside the current one
    assert [sample.name for sample in source.training] == ["go/d.png", "stop/a.png", "yield/b.png"]
    assert source.names == ("go", "stop", "yield")


def test_a_single_folder_is_not_a_layout(tmp_path: Path) -> None:
    picture(tmp_path / "stop" / "a.png", 1)
    with pytest.raises(DataError, match="all images are in the folder stop; expected a folder per class, at least two"):
        reading.find(tmp_path)


def test_images_in_no_format_that_is_read_are_named(tmp_path: Path) -> None:
    for name in ("stop", "yield"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.tif").touch()
    with pytest.raises(
        DataError, match=r"no images in folders; .*; found 2 images of formats that are not read, such as stop/a\.tif$"
    ):
        reading.find(tmp_path)


def test_names_that_are_the_same_number_have_an_order(tmp_path: Path) -> None:
    names = ("007", "07", "7", "0007", "10", "stop")
    for name in names:
        picture(tmp_path / name / "a.png", 1)
    assert reading.find(tmp_path).names == ("0007", "007", "07", "7", "10", "stop")


def test_unused_files_are_reported(tmp_path: Path) -> None:
    for name in ("stop", "yield"):
        picture(tmp_path / name / "a.png", 1)
    for name in ("stop/b.tif", "go/a.tif", "go/b.heic", "LICENSE"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    picture(tmp_path / "loose.png", 1)
    source = reading.find(tmp_path, allow_unused=True)
    [line] = source.warnings
    kinds = "1 without a suffix, such as LICENSE; 2 .tif, such as go/a.tif; 1 .heic, such as go/b.heic; 1 .png, such as"
    assert line == f"not used: 5 of 7 files: {kinds} loose.png"
    assert source.unused == ("LICENSE", "go/a.tif", "go/b.heic", "loose.png", "stop/b.tif")


def test_links_are_followed_but_not_round_in_circles(tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere" / "a.png", 1)
    picture(tmp_path / "data" / "stop" / "a.png", 1)
    (tmp_path / "data" / "yield").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "stop" / "round").symlink_to(tmp_path / "data")
    source = reading.find(tmp_path / "data")
    assert [(sample.name, sample.label) for sample in source.training] == [("stop/a.png", 0), ("yield/a.png", 1)]


def test_corrupt_images_among_good_ones_are_named_and_counted(drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn, tmp_path / "copy")
    images = tmp_path / "copy" / "GTSRB" / "Final_Training" / "Images"
    (images / "00003" / "00000_00000.ppm").write_bytes(b"")
    (images / "00004" / "00001_00001.ppm").write_bytes(b"P6\n10 10\n255\n cut")
    source = reading.find(tmp_path / "copy")
    dataset, unreadable = reading.read_samples(source.training, source.names, "training")
    assert len(dataset) == 428
    assert [item.name[-21:] for item in unreadable] == ["00003/00000_00000.ppm", "00004/00001_00001.ppm"]
    assert all("not a readable image" in item.reason for item in unreadable)
    assert dataset.counts[[2, 3, 4, 5]].tolist() == [10, 9, 9, 10]


def test_a_damaged_archive_member_is_named(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in ("a/1.bmp", "b/2.bmp"):
            image = io.BytesIO()
            Image.new("L", (20, 20), 7).save(image, "BMP")
            archive.writestr(name, image.getvalue())
    content = bytearray(stream.getvalue())
    content[200] ^= 0xFF
    (tmp_path / "x.zip").write_bytes(content)
    source = reading.find(tmp_path / "x.zip")
    dataset, unreadable = reading.read_samples(source.training, source.names, "training")
    assert len(dataset) == 1
    assert "a/1.bmp" in unreadable[0].name
    assert "CRC" in unreadable[0].reason


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    for name in ("stop", "yield"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(b"no")
    source = reading.find(tmp_path)
    with pytest.raises(DataError, match=r"none of 2 images could be read; stop/a\.png"):
        reading.read_samples(source.training, source.names, "training")


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "images without classes"])
def test_a_folder_that_is_not_a_data_set_is_an_error(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "data"
    if kind == "text":
        path.write_text("hello")
    elif kind != "missing":
        path.mkdir()
    if kind == "images without classes":
        picture(path / "a.png", 1)
    with pytest.raises(DataError, match="data"):
        reading.find(path)


def test_a_table_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "Train.csv").write_bytes("ClassId,Path\n1,Füße.png\n".encode("latin-1"))
    with pytest.raises(DataError, match=r"Train\.csv is not a CSV table in UTF-8"):
        reading.find(tmp_path)


def test_test_images_without_their_labels_are_an_error(drawn: Path, tmp_path: Path) -> None:
    shutil.copytree(drawn, tmp_path / "copy")
    table = tmp_path / "copy" / "GT-final_test.csv"
    content = table.read_text()
    table.write_text("\n".join(content.splitlines()[:-1]))
    with pytest.raises(DataError, match=r"has no class in GT-final_test\.csv"):
        reading.find(tmp_path / "copy")
    table.write_text(content.replace(";1\n", "\n", 1))
    with pytest.raises(DataError, match=r"GT-final_test\.csv: a row has no ClassId or no Filename: \d{5}\.ppm"):
        reading.find(tmp_path / "copy")
    table.write_text(content.replace(";1\n", ";43\n"))
    with pytest.raises(DataError, match="class '43' is out of range"):
        reading.find(tmp_path / "copy")
    table.unlink()
    with pytest.raises(DataError, match=r"no GT-final_test\.csv"):
        reading.find(tmp_path / "copy")
