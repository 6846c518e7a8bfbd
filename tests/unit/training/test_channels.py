"""Input channels as the platform mounts them: which images are trained on, which validate, what is said of the rest."""

import os
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from traffic_signs.data.dataset import Dataset
from traffic_signs.errors import DataError
from traffic_signs.paths import OptMl
from traffic_signs.settings.training import TrainingSettings
from traffic_signs.training import channels


def load(base: Path, **settings: object) -> tuple[Dataset, Dataset]:
    return channels.load(OptMl(base), TrainingSettings(**settings))  # type: ignore[arg-type] # as the test gives them


def channel(base: Path, name: str = "training") -> Path:
    folder = OptMl(base).channel(name)
    folder.mkdir(parents=True)
    return folder


def pictures(folder: Path, count: int) -> None:
    for name in ("stop", "yield"):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("L", (20, 20), number).save(folder / name / f"{number}.png")


def arrays(folder: Path, labels: list[int], **more: Any) -> None:
    np.savez(folder / "x.npz", images=np.zeros((len(labels), 32, 32), np.uint8), labels=np.array(labels), **more)


def test_the_validation_part_of_image_files_validates(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for part, count in {"train": 4, "val": 2, "test": 3}.items():
        pictures(tmp_path / "input" / "data" / "training" / part, count)
    assert [len(part) for part in load(tmp_path, split="random")] == [8, 4]
    assert "channel training: its 6 test images are ignored" in caplog.text
    assert "hyperparameter split = random is ignored: the channel training has a validation folder" in caplog.text


def test_a_channel_goes_before_a_part(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for part, count in {"train": 4, "val": 2}.items():
        pictures(tmp_path / "input" / "data" / "training" / part, count)
    pictures(channel(tmp_path, "validation"), 1)
    assert [len(part) for part in load(tmp_path, validation_fraction=0.3)] == [8, 2]
    assert "channel training: its 4 validation images are ignored" in caplog.text
    assert "hyperparameter validation_fraction = 0.3 is ignored: the job has a channel validation" in caplog.text


def test_settings_that_are_used_are_not_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pictures(channel(tmp_path), 4)
    assert [len(part) for part in load(tmp_path, split="random", validation_fraction=0.5)] == [4, 4]
    assert not caplog.records


def test_skipped_files_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    pictures(channel(tmp_path), 4)
    (tmp_path / "input" / "data" / "training" / "stop" / "a.tif").touch()
    with pytest.raises(
        DataError, match=r"^channel training: .*1 of 9 images .* stop/a\.tif: their format is not read;"
    ):
        load(tmp_path)
    load(tmp_path, allow_unused=True)
    assert "channel training: not used: 1 of 9 files: 1 .tif, such as stop/a.tif" in caplog.text


@pytest.mark.parametrize("kind", ["arrays", "arrays with names", "images", "images of which one class is damaged"])
def test_a_single_class_is_refused_whatever_it_comes_in(kind: str, tmp_path: Path) -> None:
    folder = channel(tmp_path)
    if kind.startswith("arrays"):
        arrays(folder, [0, 0], **({"names": np.array(["stop", "yield"])} if "names" in kind else {}))
    else:
        pictures(folder, 2)
        for file in (folder / "yield").iterdir():
            file.write_bytes(b"") if "damaged" in kind else file.rename(folder / file.name)
    name = "0" if kind == "arrays" else "stop"
    archive = r"\S+/training/\S+\.npz, array labels: " if kind.startswith("arrays") else ""
    with pytest.raises(
        DataError,
        match=f"^channel training: {archive}all 2 training images are of class '{name}'; expected images of at least",
    ):
        load(tmp_path, allow_unused=kind == "images")  # without it, those outside of the folders are the first fault


def test_a_validation_archive_without_names_has_the_classes_of_training(tmp_path: Path) -> None:
    arrays(channel(tmp_path), [0, 1, 2], names=np.array(["a", "b", "c"]))
    arrays(channel(tmp_path, "validation"), [0, 1])
    assert load(tmp_path)[1].names == ("a", "b", "c")


def test_a_label_beyond_the_classes_of_training_is_named(tmp_path: Path) -> None:
    arrays(channel(tmp_path), [0, 1])
    arrays(channel(tmp_path, "validation"), [0, 2])
    with pytest.raises(DataError, match=r"channel validation: .*label 2 of image 1 is out of range"):
        load(tmp_path)


def test_channels_may_write_the_accents_of_a_class_in_two_ways(tmp_path: Path) -> None:
    names = [unicodedata.normalize(form, "Füße") for form in ("NFC", "NFD")]
    for name, part in zip(names, ("training", "validation"), strict=True):
        pictures(channel(tmp_path, part), 2)
        (OptMl(tmp_path).channel(part) / "stop").rename(OptMl(tmp_path).channel(part) / name)
    assert [part.names for part in load(tmp_path)] == [(names[0], "yield")] * 2


@pytest.mark.parametrize("name", ["training", "validation"])
def test_pipe_mode_is_named(tmp_path: Path, name: str) -> None:
    pictures(channel(tmp_path), 2) if name == "validation" else (tmp_path / "input" / "data").mkdir(parents=True)
    os.mkfifo(OptMl(tmp_path).channel(f"{name}_0"))
    with pytest.raises(
        DataError, match=f"channel {name} is in Pipe mode, which is not supported; use .* File or FastFile"
    ):
        load(tmp_path)


def test_an_archive_in_a_subfolder_is_named(tmp_path: Path) -> None:
    folder = channel(tmp_path) / "sub"
    folder.mkdir()
    arrays(folder, [0, 1])
    with pytest.raises(DataError, match=r"channel training: .*sub/x\.npz is in a subfolder; put it directly into"):
        load(tmp_path)
