from pathlib import Path
from typing import Any

import numpy as np
import pytest

from traffic_signs.data.dataset import Dataset
from traffic_signs.data.split import split
from traffic_signs.errors import DataError

GOOD = {
    "images": np.zeros((3, 32, 32, 1), np.uint8),
    "labels": np.array([0, 1, 1]),
    "tracks": np.array([0, 1, 2]),
    "names": np.array(["stop", "yield"]),
}


def load(tmp_path: Path, **changes: Any) -> Dataset:
    arrays = {name: array for name, array in {**GOOD, **changes}.items() if array is not None}
    np.savez(tmp_path / "x.npz", **arrays)
    return Dataset.load(tmp_path / "x.npz")


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    dataset = Dataset(
        generator.integers(0, 256, (4, 32, 32, 1), dtype=np.uint8),
        np.array([0, 2, 1, 2], np.int32),
        np.array([5, 5, 6, 7], np.int32),
        ("Füße", "b", "c"),
    )
    dataset.save(tmp_path / "deep" / "set.npz")
    loaded = Dataset.load(tmp_path / "deep" / "set.npz")
    for name in ("images", "labels", "tracks"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(dataset, name))
    assert (loaded.names, loaded.fingerprint) == (dataset.names, dataset.fingerprint)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["set.npz"]


def test_a_plain_array_is_not_an_archive(tmp_path: Path) -> None:
    with (tmp_path / "x.npz").open("wb") as stream:
        np.save(stream, np.zeros(3))
    with pytest.raises(DataError, match=r"x\.npz is not an archive"):
        Dataset.load(tmp_path / "x.npz")


def test_tracks_and_names_may_be_missing(tmp_path: Path) -> None:
    dataset = load(tmp_path, tracks=None, names=None)
    assert dataset.names == ("0", "1")
    assert dataset.tracks.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": None}, "array images is missing"),
        ({"labels": None}, "array labels is missing"),
        ({"images": np.zeros((3, 28, 28, 1), np.uint8)}, r"shape \[3, 28, 28, 1\]"),
        ({"images": np.full((3, 32, 32, 1), 0.3)}, "not scaled"),
        ({"labels": np.array([0.0, 1.0, 1.0])}, "array labels has dtype float64"),
        ({"labels": np.array([0, 1, 2])}, "label 2 of image 2 is out of range; there are 2 classes"),
        ({"labels": np.array([0, -1, 1])}, "labels range from -1 to 1"),
        ({"labels": np.array([0, 2**32, 1])}, "labels range from 0 to 4294967296"),
        ({"labels": np.array([0, 1])}, "3 images, 2 labels"),
        ({"labels": np.array(["a", "b", "c"])}, "array labels has dtype"),
    ],
)
def test_wrong_arrays_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path, **changes)
    assert "x.npz" in str(caught.value)


def test_a_pickle_is_never_loaded(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="contains Python objects"):
        load(tmp_path, labels=np.array([0, "a", None], object))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 damaged", b"text"])
def test_a_file_that_is_not_an_archive_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.npz is not an archive"):
        Dataset.load(tmp_path / "x.npz")


def tracked(counts: list[int], frames: int = 30) -> Dataset:
    labels = np.repeat(np.arange(len(counts)), [count * frames for count in counts]).astype(np.int32)
    tracks = np.repeat(np.arange(sum(counts)), frames).astype(np.int32)
    names = tuple(map(str, range(len(counts))))
    return Dataset(np.zeros((len(labels), 32, 32, 1), np.uint8), labels, tracks, names)


def test_by_track_no_sign_is_on_both_sides() -> None:
    rest, held_out = split(tracked([7, 10, 50, 2]), 0.2, "track", seed=3)
    assert not set(rest.tracks) & set(held_out.tracks)
    assert held_out.counts.tolist() == [30, 60, 300, 30]
    assert (rest.counts + held_out.counts).tolist() == [210, 300, 1500, 60]


def test_a_class_with_one_track_stays_in_the_rest() -> None:
    rest, held_out = split(tracked([1, 5]), 0.2, "track", seed=1)
    assert rest.counts.tolist() == [30, 120]
    assert held_out.counts.tolist() == [0, 30]


@pytest.mark.parametrize(
    ("dataset", "fraction", "by", "message"),
    [
        (tracked([1, 1]), 0.2, "track", "every class has a single track, .*; use split=random"),
        (tracked([1, 1], frames=1), 0.2, "track", "every class has a single track"),
        (
            tracked([2, 2], frames=1),
            0.999,
            "random",
            "no training images remain when 0.999 of 4 are held out; use",
        ),
    ],
)
def test_an_empty_side_says_why(dataset: Dataset, fraction: float, by: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        split(dataset, fraction, by, seed=1)


def test_at_random_the_sizes_are_those_of_the_article() -> None:
    rest, held_out = split(tracked([39_209], frames=1), 0.2, "random", seed=1)
    assert (len(rest), len(held_out)) == (31_367, 7_842)


@pytest.mark.parametrize("by", ["track", "random"])
def test_the_seed_decides_the_split(by: str) -> None:
    dataset = tracked([20, 20])
    first, again, other = (split(dataset, 0.2, by, seed)[1].tracks.tolist() for seed in (1, 1, 2))
    assert first == again != other
