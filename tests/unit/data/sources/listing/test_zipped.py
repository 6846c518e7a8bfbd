"""Members of a zip, called as the program that wrote it calls them."""

import os
import stat
import unicodedata
import zipfile
from pathlib import Path

import pytest

from tests.unit.data.trees import picture, zipped
from traffic_signs.data import reading
from traffic_signs.errors import DataError


def test_backslashes_between_folders_are_slashes(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "x.zip", "signs\\", "signs\\stop\\a.png", "signs\\yield\\b.png")
    source = reading.find(archive)
    assert (source.names, source.unused) == (("stop", "yield"), ())
    assert [len(reading.read_samples(source.training, source.names, "x")[0])] == [2]


@pytest.mark.parametrize("start", ["./", "/", "../", ".\\", "./..//"])
def test_a_leading_dot_slash_is_not_a_hidden_folder(start: str, tmp_path: Path) -> None:
    source = reading.find(zipped(tmp_path / "x.zip", f"{start}stop/a.png", f"{start}yield/b.png"))
    assert [sample.name for sample in source.training] == ["stop/a.png", "yield/b.png"]


@pytest.mark.parametrize(
    ("one", "other"), [("stop/a.png", "stop\\a.png"), ("stop/a.png", "./stop/a.png"), ("stop/a.png", "stop/a.png")]
)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_an_error_that_has_both(one: str, other: str, tmp_path: Path) -> None:
    with pytest.raises(DataError) as refused:
        reading.find(zipped(tmp_path / "x.zip", one, other, "yield/b.png"))
    assert f"the members {one!r} and {other!r} of {tmp_path / 'x.zip'} have the same name" in str(refused.value)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_in_utf_8_without_its_flag_are_not_garbled(form: str, tmp_path: Path) -> None:
    name = unicodedata.normalize(form, "Füße")  # type: ignore[arg-type] # as parametrized
    archive = zipped(tmp_path / "x.zip", f"{'X' * len(name.encode())}/a.png", "stop/b.png")
    archive.write_bytes(archive.read_bytes().replace(b"X" * len(name.encode()), name.encode()))  # as macOS writes it
    assert reading.find(archive).names == (name, "stop")


def test_names_that_cannot_be_decoded_are_an_error_of_one_line(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "x.zip", "Füße/a.png", "stop/b.png")
    archive.write_bytes(archive.read_bytes().replace("Füße".encode(), b"F\xfc\xdfe  "))
    with pytest.raises(DataError, match=r"x\.zip is neither a folder nor a readable zip \('utf-8' codec can't decode"):
        reading.find(archive)


def test_a_link_in_a_zip_is_not_read_as_an_image(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "x.zip", "stop/a.png", "yield/b.png")
    with zipfile.ZipFile(archive, "a") as target:
        link = zipfile.ZipInfo("yield/c.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        target.writestr(link, "../../etc/passwd")
    source = reading.find(archive)
    dataset, unreadable = reading.read_samples(source.training, source.names, "x")
    assert len(dataset) == 2
    assert [(item.name, item.reason) for item in unreadable] == [
        ("yield/c.png", "a link in a zip, which is not followed")
    ]


def test_a_zip_that_changes_while_it_is_read_is_an_error_of_one_line(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "x.zip", "stop/a.png", "yield/b.png")
    source = reading.find(archive)
    with archive.open("ab") as stream:
        stream.write(picture())
    with pytest.raises(DataError, match=r"x\.zip was changed while it was read; start again"):
        reading.read_samples(source.training, source.names, "x")
    os.truncate(archive, 40)
    with pytest.raises(DataError, match="is neither a folder nor a readable zip"):
        reading.find(archive)
