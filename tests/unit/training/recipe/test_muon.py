"""Muon's steps, and which variables take them."""

import keras
import numpy as np
import pytest

from traffic_signs.training.recipe import muon, networks, presets, schedule


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (16, 16)])
def test_a_matrix_keeps_its_directions_and_moves_equally_along_each(shape: tuple[int, int]) -> None:
    drawn = np.random.default_rng(1)
    left, _ = np.linalg.qr(drawn.normal(size=(shape[0], min(shape))))
    right, _ = np.linalg.qr(drawn.normal(size=(shape[1], min(shape))))
    matrix = left * np.linspace(1, 10, min(shape)) @ right.T
    found = np.asarray(muon.orthogonal(keras.ops.convert_to_tensor(matrix.astype(np.float32))))
    along = left.T @ found @ right
    assert np.diag(along) == pytest.approx(1.0, abs=0.35)  # the iteration ends near 1, not at it
    np.testing.assert_allclose(along, np.diag(np.diag(along)), atol=1e-5)


def test_a_kernel_without_a_gradient_stays_as_it_is() -> None:
    kernel = keras.Variable(np.ones((3, 3, 2, 4), np.float32))
    optimizer = muon.Muon(0.1)
    optimizer.apply([keras.ops.zeros(kernel.shape)], [kernel])
    assert np.array_equal(kernel, np.ones(kernel.shape))


def test_kernels_move_by_a_fifth_of_the_learning_rate_whatever_the_gradients_size() -> None:
    for size in (1e-3, 1e3):
        kernel = keras.Variable(np.zeros((3, 3, 2, 32), np.float32))
        optimizer = muon.Muon(0.1)
        gradient = size * np.random.default_rng(1).normal(size=kernel.shape).astype(np.float32)
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [kernel])
        assert np.sqrt(np.mean(np.square(np.asarray(kernel)))) == pytest.approx(0.02, rel=0.3)
        assert np.sum(np.asarray(kernel) * gradient) < 0


def test_the_logits_and_what_is_no_kernel_are_left_to_adam() -> None:
    recipe = presets.PRESETS["best"]
    model = networks.build(recipe.network, 43)
    optimizer = schedule.build_optimizer(recipe, 10)
    optimizer.build(model.trainable_variables)
    by_muon = next(inner for inner in optimizer.optimizers if isinstance(inner, muon.Muon))
    adam = next(inner for inner in optimizer.optimizers if inner is not by_muon)
    kernels = [one for one in model.trainable_variables if one.path.endswith("/kernel") and "logits" not in one.path]
    momenta = [one for one in by_muon.variables if one.path.endswith("kernel_momentum")]
    assert [one.shape for one in momenta] == [kernel.shape for kernel in kernels]
    assert any("logits_kernel" in one.path for one in adam.variables)


def test_the_rate_that_is_logged_is_muons() -> None:
    recipe = presets.PRESETS["quick"]
    optimizer = schedule.build_optimizer(recipe, 100)
    optimizer.build(networks.build(recipe.network, 43).trainable_variables)
    assert schedule.current_rate(optimizer) == pytest.approx(recipe.learning_rate / 25)
