"""Temperature and calibration error, on examples whose answers are known."""

import numpy as np
import pytest
from scipy.special import softmax  # type: ignore[import-untyped] # SciPy has no types

from traffic_signs.training.results.calibration import (
    cross_entropy,
    expected_calibration_error,
    reliability,
    temperature,
)


def drawn_from(logits: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Draw a label an image from softmax(logits), which is honest by that."""
    shares: np.ndarray = softmax(logits.astype(float), axis=1).cumsum(1)
    labels: np.ndarray = (random.random((len(logits), 1)) > shares[:, :-1]).sum(1)
    return labels


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_a_known_temperature_is_found(factor: float) -> None:
    random = np.random.default_rng(1)
    honest = random.normal(0, 2, (20_000, 10)).astype(np.float32)
    labels = drawn_from(honest, random)
    found = temperature(honest * np.float32(factor), labels)
    assert found == pytest.approx(factor, rel=0.03)
    before, after = (softmax(honest * factor / t, axis=1) for t in (1, found))
    assert expected_calibration_error(after, labels) < 0.015
    assert factor == 1 or expected_calibration_error(before, labels) > 0.05


@pytest.mark.parametrize("images", [0, 1, 50])
def test_a_set_without_mistakes_leaves_the_network_as_it_is(images: int) -> None:
    logits = np.eye(5, dtype=np.float32)[np.arange(images) % 5] * 4
    assert temperature(logits, np.arange(images) % 5) == 1


def test_hopeless_logits_stay_within_bounds() -> None:
    logits = np.array([[1e4, -1e4], [-1e4, 1e4]], np.float32)
    assert 10 < temperature(logits, np.array([1, 0])) <= 20


def test_nearly_separated_logits_stay_within_bounds() -> None:
    logits = np.tile(np.array([1e-3, 0], np.float32), (1000, 1))
    labels = np.zeros(1000, int)
    labels[0] = 1
    assert 0.05 <= temperature(logits, labels) < 0.06


def test_the_error_of_an_example_counted_by_hand() -> None:
    # five bins: (0.4, 0.6] holds 0.5 and 0.6, one right; (0.8, 1] holds 0.9, 0.9 and 1, two right
    confidence = np.array([0.5, 0.6, 0.9, 0.9, 1.0])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.array([1, 0, 0, 0, 1])
    binned = reliability(probabilities, labels, bins=5)
    assert binned.counts.tolist() == [0, 0, 2, 0, 3]
    np.testing.assert_allclose(binned.confidence, [0, 0, 0.55, 0, 2.8 / 3])
    np.testing.assert_allclose(binned.accuracy, [0, 0, 0.5, 0, 2 / 3])
    expected = 2 / 5 * 0.05 + 3 / 5 * (2.8 / 3 - 2 / 3)
    assert expected_calibration_error(probabilities, labels, bins=5) == pytest.approx(expected)


def test_cross_entropy_is_finite_where_a_probability_underflowed() -> None:
    probabilities = np.array([[0.25, 0.75], [0, 1]], np.float32)
    assert cross_entropy(probabilities[:1], np.array([0])) == pytest.approx(np.log(4))
    assert 80 < cross_entropy(probabilities[1:], np.array([0])) < 90


def test_a_network_that_is_sure_and_wrong_is_as_wrong_as_can_be() -> None:
    sure = np.eye(3, dtype=np.float32)
    assert expected_calibration_error(sure, np.array([1, 2, 0])) == 1
    assert expected_calibration_error(sure, np.array([0, 1, 2])) == 0
