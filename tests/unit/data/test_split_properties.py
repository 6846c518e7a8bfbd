"""However a data set is made up, a split keeps every image once, and every track on one side."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from traffic_signs.data.dataset import Dataset
from traffic_signs.data.split import split
from traffic_signs.errors import DataError


@st.composite
def datasets(draw: st.DrawFn) -> Dataset:
    """Images that tell their index; a track may have images of several classes."""
    classes = draw(st.integers(1, 5))
    rows = draw(st.lists(st.tuples(st.integers(0, classes - 1), st.integers(0, 9)), min_size=1, max_size=60))
    labels, tracks = np.array(rows, np.int32).T
    images = np.zeros((len(rows), 32, 32, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(len(rows))
    return Dataset(images, labels, tracks, tuple(map(str, range(classes))))


def parts(dataset: Dataset, fraction: float, by: str, seed: int) -> tuple[Dataset, Dataset] | None:
    """The split; None where it says that there is nothing on one side."""
    try:
        return split(dataset, fraction, by, seed)
    except DataError:
        return None


@given(datasets(), st.floats(0.001, 0.999), st.sampled_from(("track", "random")), st.integers(0, 2**32 - 1))
def test_every_image_is_on_one_side_with_its_label_and_track(
    dataset: Dataset, fraction: float, by: str, seed: int
) -> None:
    if found := parts(dataset, fraction, by, seed):
        joined = found[0].concatenate(found[1])
        order = np.argsort(joined.images[:, 0, 0, 0])
        np.testing.assert_array_equal(joined.images[order], dataset.images)
        np.testing.assert_array_equal(joined.labels[order], dataset.labels)
        rest, held_out = found
        np.testing.assert_array_equal(dataset.tracks[held_out.images[:, 0, 0, 0]], held_out.tracks)
        np.testing.assert_array_equal(dataset.tracks[rest.images[:, 0, 0, 0]], rest.tracks)
        assert len(rest) > 0 < len(held_out)


@given(datasets(), st.floats(0.001, 0.999), st.integers(0, 2**32 - 1))
def test_no_track_is_on_two_sides(dataset: Dataset, fraction: float, seed: int) -> None:
    if found := parts(dataset, fraction, "track", seed):
        assert not set(found[0].tracks.tolist()) & set(found[1].tracks.tolist())


@given(datasets(), st.floats(0.001, 0.999), st.integers(0, 2**32 - 1))
def test_at_random_the_fraction_is_rounded_up(dataset: Dataset, fraction: float, seed: int) -> None:
    expected = math.ceil(fraction * len(dataset))
    found = parts(dataset, fraction, "random", seed)
    assert (len(found[1]) if found else len(dataset)) == expected


@given(datasets(), st.floats(0.001, 0.999), st.sampled_from(("track", "random")), st.integers(0, 2**32 - 1))
def test_the_same_seed_gives_the_same_split(dataset: Dataset, fraction: float, by: str, seed: int) -> None:
    one, other = parts(dataset, fraction, by, seed), parts(dataset, fraction, by, seed)
    assert (one is None) == (other is None)
    if one and other:
        assert [part.fingerprint for part in one] == [part.fingerprint for part in other]
