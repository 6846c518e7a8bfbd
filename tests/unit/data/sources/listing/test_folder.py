"""Files of a folder: links, names that are not UTF-8, files that change, what is no file."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.data.trees import picture, tree
from traffic_signs.data import reading
from traffic_signs.data.prepare import Plan, prepare
from traffic_signs.errors import DataError


def test_links_out_of_the_folder_are_followed_and_counted_in_a_warning(tmp_path: Path) -> None:
    tree(tmp_path, "elsewhere/a.png", "elsewhere/b.png", "set/stop/a.png")
    (tmp_path / "set" / "yield").symlink_to(tmp_path / "elsewhere")
    source = reading.find(tmp_path / "set")
    assert [sample.name for sample in source.training] == ["stop/a.png", "yield/a.png", "yield/b.png"]
    first = f"yield/a.png -> {tmp_path.resolve() / 'elsewhere' / 'a.png'}"
    assert source.warnings == (f"links lead out of the folder to 2 images, such as {first}",)


@pytest.mark.parametrize(
    ("link", "target", "message"),
    [
        ("yield/c.png", "stop/a.png", "stop/a.png and yield/c.png are one file, by a link, in two classes or parts"),
        ("go", "stop", "stop/a.png and go/a.png are one file"),
    ],
)
def test_one_file_in_two_classes_by_a_link_is_an_error(link: str, target: str, message: str, tmp_path: Path) -> None:
    folder = tree(tmp_path / "set", "stop/a.png", "yield/b.png")
    (folder / link).symlink_to(folder / target)
    with pytest.raises(DataError, match=message):
        reading.find(folder)


def test_one_file_in_two_classes_by_links_out_of_the_folder_is_an_error(tmp_path: Path) -> None:
    folder = tree(tmp_path / "set", "stop/a.png", "yield/b.png")
    (folder / "stop" / "x.png").symlink_to(tree(tmp_path, "x.png") / "x.png")
    (folder / "yield" / "x.png").symlink_to(tmp_path / "x.png")
    with pytest.raises(DataError, match=r"stop/x\.png and yield/x\.png are one file"):
        reading.find(folder)


def test_a_second_name_of_a_file_in_its_class_is_not_counted(tmp_path: Path) -> None:
    folder = tree(tmp_path / "set", "stop/b.png", "yield/c.png")
    (folder / "stop" / "a.png").symlink_to("b.png")
    source = reading.find(folder)
    assert [sample.name for sample in source.training] == ["stop/b.png", "yield/c.png"]
    assert source.warnings == ()


def test_a_pool_of_images_with_classes_of_links_is_read_by_the_links(tmp_path: Path) -> None:
    folder = tree(tmp_path / "set", "pool.d/a.png", "pool.d/b.png")
    for name, image in (("stop", "a.png"), ("yield", "b.png")):
        (folder / "train" / name).mkdir(parents=True)
        (folder / "train" / name / image).symlink_to(folder / "pool.d" / image)
    source = reading.find(folder / "train")
    assert source.names == ("stop", "yield")
    assert "to 2 images" in source.warnings[0]


@pytest.mark.parametrize("kind", ["dead link", "link to itself", "pipe"])
def test_a_pipe_or_broken_link_named_like_an_image_is_unreadable(kind: str, tmp_path: Path) -> None:
    folder = tree(tmp_path / "set", "stop/a.png", "yield/b.png")
    path = folder / "yield" / "c.png"
    os.mkfifo(path) if kind == "pipe" else path.symlink_to(path if kind == "link to itself" else folder / "gone.png")
    source = reading.find(folder)
    dataset, unreadable = reading.read_samples(source.training, source.names, "x")
    assert len(dataset) == 2
    [item] = unreadable
    assert item.name == "yield/c.png"
    assert item.reason in {
        "no file is there: No such file or directory",
        "no file is there: Too many levels of symbolic links",
        "not a regular file",
    }


def test_a_name_that_is_not_utf_8_is_escaped_in_all_that_is_made_of_it(tmp_path: Path) -> None:
    folder = tree(tmp_path / "set", *(f"{name}/{number}.png" for name in ("stop", "yield") for number in range(5)))
    (folder / "yield").rename(folder / os.fsdecode(b"Stra\xdfe"))
    (folder / "stop" / os.fsdecode(b"\xff.png")).write_bytes(picture())
    (folder / os.fsdecode(b"\xff.txt")).write_bytes(b"")
    summary = prepare(Plan(str(folder)), tmp_path / "out")
    assert (summary["classes"], summary["unused"]) == (2, [r"\xff.txt"])
    assert summary["samples"][0] == "00-Stra-xdfe.png"
    assert reading.find(folder).names == (r"Stra\xdfe", "stop")
    tree(folder, r"Stra\xdfe/0.png")
    with pytest.raises(DataError, match=r"two files are called Stra\\xdfe/0\.png, where one name is not UTF-8"):
        reading.find(folder)


def overwrite(path: Path) -> None:
    path.write_bytes(picture() + b"more")


def exchange(path: Path) -> None:
    path.with_name("new").write_bytes(picture(".jpg"))
    path.with_name("new").replace(path)


@pytest.mark.parametrize(("change", "verb"), [(overwrite, "changed"), (exchange, "changed"), (Path.unlink, "deleted")])
def test_a_file_that_changes_while_the_set_is_read_is_an_error_of_one_line(
    change: Callable[[Path], None], verb: str, tmp_path: Path
) -> None:
    folder = tree(tmp_path / "set", "stop/a.png", "yield/b.png")
    source = reading.find(folder)
    change(folder / "yield" / "b.png")
    with pytest.raises(DataError, match=rf"^yield/b\.png was {verb} while the data set was read; start again"):
        reading.read_samples(source.training, source.names, "x")


def test_hidden_folders_are_not_looked_into(tmp_path: Path) -> None:
    tree(tmp_path / "set", "stop/a.png", "yield/b.png", ".git/c.png", "stop/.thumbs/a.png", "__MACOSX/stop/d.png")
    source = reading.find(tmp_path / "set")
    assert (len(source.training), source.unused) == (2, ())
