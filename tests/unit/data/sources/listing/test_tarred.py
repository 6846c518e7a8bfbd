"""A tar as a data set: the same images as in the folder that it was made of, whatever its members are called."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from traffic_signs.data import reading
from traffic_signs.errors import DataError


def picture(gray: int) -> bytes:
    stream = io.BytesIO()
    Image.new("L", (20, 20), gray).save(stream, "PNG")
    return stream.getvalue()


def pack(path: Path, members: Mapping[str, bytes], kind: str = "gz") -> Path:
    with tarfile.open(path, f"w:{kind}") as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize(
    ("suffix", "kind"), [("tar", ""), ("tar.gz", "gz"), ("tgz", "gz"), ("tar.bz2", "bz2"), ("tar.xz", "xz")]
)
def test_images_of_a_tar_are_read_in_any_order(tmp_path: Path, suffix: str, kind: str) -> None:
    members = {f"./signs/{name}/{gray}.png": picture(gray) for name, gray in (("yield", 9), ("stop", 5), ("go", 7))}
    path = pack(tmp_path / f"signs.{suffix}", members | {"./signs/stop/._5.png": b"of macOS"}, kind)
    source = reading.find(path)
    dataset, unreadable = reading.read_samples(source.training, source.names, "training")
    assert (source.names, source.layout, unreadable) == (("go", "stop", "yield"), "a folder per class", [])
    assert dataset.images[:, 0, 0, 0].tolist() == [7, 5, 9]
    assert [sample.name for sample in source.training] == ["signs/go/7.png", "signs/stop/5.png", "signs/yield/9.png"]


def test_members_that_lead_out_of_the_tar_are_written_nowhere(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    members = {f"{way}/{name}/a.png": picture(1) for way, name in (("..", "stop"), (f"{tmp_path}/inner", "yield"))}
    before = sorted(tmp_path.rglob("*"))
    source = reading.find(pack(tmp_path / "inner" / "signs.tar.gz", members))
    assert len(reading.read_samples(source.training, source.names, "training")[0]) == 2
    assert sorted(tmp_path.rglob("*")) == sorted([*before, tmp_path / "inner" / "signs.tar.gz"])


def test_links_are_followed_within_the_tar_only(tmp_path: Path) -> None:
    path = tmp_path / "signs.tar"
    (tmp_path / "secret.png").write_bytes(picture(3))
    with tarfile.open(path, "w") as archive:
        for name, content in (("stop/a.png", picture(1)), ("yield/a.png", picture(2))):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for name, kind, target in (
            ("yield/hard.png", tarfile.LNKTYPE, "stop/a.png"),
            ("yield/soft.png", tarfile.SYMTYPE, "../stop/a.png"),
            ("yield/out.png", tarfile.SYMTYPE, str(tmp_path / "secret.png")),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
    source = reading.find(path)
    dataset, unreadable = reading.read_samples(source.training, source.names, "training")
    assert dataset.images[:, 0, 0, 0].tolist() == [1, 2, 1, 1]
    assert [(item.name, "which is not in the tar" in item.reason) for item in unreadable] == [("yield/out.png", True)]


@pytest.mark.parametrize("damage", ["cut", "no tar", "cut inside"])
def test_a_damaged_tar_is_an_error_of_one_line(tmp_path: Path, damage: str) -> None:
    path = pack(tmp_path / "signs.tar.gz", {f"{name}/a.png": picture(1) for name in ("stop", "yield")})
    content = path.read_bytes()
    if damage == "cut inside":
        path = pack(tmp_path / "signs.tar", {f"{name}/a.bmp": bytes(5000) for name in ("stop", "yield")}, "")
        content = path.read_bytes()[:9000]
    path.write_bytes(content[:-40] if damage == "cut" else b"hello" if damage == "no tar" else content)
    with pytest.raises(DataError, match=r"signs\.tar(\.gz)? is not a readable tar \([^\n]+\)$"):
        reading.find(path)


def test_two_members_of_one_name_are_an_error(tmp_path: Path) -> None:
    members = {"stop/a.png": picture(1), "yield/a.png": picture(1), "./stop/a.png": picture(2)}
    with pytest.raises(DataError, match=r"two members of .*signs\.tar\.gz are called stop/a\.png$"):
        reading.find(pack(tmp_path / "signs.tar.gz", members))


def test_a_tar_that_was_made_anew_is_noticed(tmp_path: Path) -> None:
    members = {"stop/a.png": picture(1), "yield/a.png": picture(1)}
    first = reading.find(pack(tmp_path / "signs.tar.gz", members)).training[0].file.stamp
    again = reading.find(pack(tmp_path / "signs.tar.gz", members)).training[0].file.stamp
    assert first != again
