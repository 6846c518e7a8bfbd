"""The order of an epoch."""

import numpy as np
import pytest

from traffic_signs.training.recipe.sampling import order

LABELS = np.repeat([0, 1, 2], [1000, 110, 400])


def test_without_balance_every_image_comes_once() -> None:
    found = order(LABELS, 0.0, 1, 0)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(np.sort(found), np.arange(1510))


@pytest.mark.parametrize("balance", [0.5, 1.0])
def test_balance_gives_rare_classes_their_share(balance: float) -> None:
    sizes = np.bincount(LABELS)
    expected = sizes ** (1 - balance) / (sizes ** (1 - balance)).sum() * len(LABELS)
    times = np.bincount(order(LABELS, balance, 1, 0), minlength=len(LABELS))
    np.testing.assert_allclose(np.bincount(LABELS, times), expected, atol=50)
    own = np.split(times, np.cumsum(sizes)[:-1])
    for each, counted in zip(expected / sizes, own, strict=True):  # no image of a class is favoured
        assert set(counted) == {int(each), int(each) + 1}


@pytest.mark.parametrize("balance", [0.0, 0.5])
def test_seed_and_epoch_decide(balance: float) -> None:
    first = order(LABELS, balance, 1, 0)
    np.testing.assert_array_equal(first, order(LABELS, balance, 1, 0))
    assert not np.array_equal(first, order(LABELS, balance, 1, 1))
    assert not np.array_equal(first, order(LABELS, balance, 2, 0))
    # the images of one class do not stand together
    assert (np.diff(LABELS[first]) != 0).sum() > 300
