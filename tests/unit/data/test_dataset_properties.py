"""A data set comes back from disk as it was; one whose classes cannot be named in the model is refused."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.strategies import pixels
from traffic_signs.data.dataset import Dataset
from traffic_signs.errors import DataError

NAMES = st.lists(st.text(min_size=1, max_size=12).filter(lambda name: not name.endswith("\0")), min_size=1, max_size=4)
"""NumPy drops zeros at the end of a text, which no file's name can have."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dataset") / "set.npz"


@given(pixels(), NAMES, st.integers(0, 2**31 - 1))
def test_what_is_saved_is_loaded(path: Path, drawn: np.ndarray, names: list[str], track: int) -> None:
    labels = np.arange(len(drawn), dtype=np.int32) % len(names)
    dataset = Dataset(drawn, labels, np.full(len(drawn), track, np.int32), tuple(names))
    dataset.save(path)
    loaded = Dataset.load(path)
    assert (loaded.names, loaded.fingerprint) == (dataset.names, dataset.fingerprint)
    np.testing.assert_array_equal(loaded.images, drawn)
    np.testing.assert_array_equal(loaded.labels, labels)
    np.testing.assert_array_equal(loaded.tracks, dataset.tracks)


def test_a_folder_name_in_another_encoding_is_named() -> None:
    name = b"Stra\xdfe".decode(errors="surrogateescape")  # as Python reads it in Latin-1
    with pytest.raises(DataError, match=r"the name of class 'Stra\\udcdfe' is not UTF-8; rename its folder"):
        Dataset(np.zeros((1, 32, 32, 1), np.uint8), np.zeros(1, np.int32), np.zeros(1, np.int32), ("stop", name))
