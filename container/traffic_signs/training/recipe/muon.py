"""Muon: momentum whose matrix is made orthogonal before each step, for the kernels of dense and convolution layers.

gradient -> Nesterov momentum -> matrix [all but the last axis, outputs] -> nearly orthogonal -> kernel

All directions of a kernel then move equally far, where SGD and Adam follow a few strong ones. K. Jordan: Muon: An
optimizer for hidden layers in neural networks. kellerjordan.github.io/posts/muon, 2024. The step's size is that of
J. Liu et al.: Muon is scalable for LLM training. arXiv:2502.16982, 2025.

Keras's own Muon (3.15) leaves the kernels of convolutions to AdamW.
"""

from collections.abc import Sequence

import keras
import tensorflow as tf
from keras import ops

_MOMENTUM = 0.9
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 3
"""Of Newton and Schulz's; the original takes 5, which made no network here better."""
_STEP = 0.2
"""Root mean square of a kernel's change in one step, at a learning rate of 1; about Adam's."""


class Muon(keras.optimizers.Optimizer):  # type: ignore[misc] # Keras has no types
    """Muon for kernels: variables of at least two dimensions, the last of which counts the outputs.

    It takes the arguments of every Keras optimizer, such as `learning_rate` and a decoupled `weight_decay`.
    """

    def build(self, variables: Sequence[keras.Variable]) -> None:
        """Create a momentum for each of *variables*."""
        if not self.built:
            super().build(variables)
            self._momenta = [self.add_variable_from_reference(variable, "momentum") for variable in variables]

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """Move *variable*; Keras calls it for each variable in each step."""
        momentum = self._momenta[self._get_variable_index(variable)]
        self.assign(momentum, _MOMENTUM * momentum + gradient)
        direction = orthogonal(ops.reshape(gradient + _MOMENTUM * momentum, (-1, variable.shape[-1])))
        scale = _STEP * max(direction.shape) ** 0.5 * ops.cast(learning_rate, variable.dtype)
        self.assign_sub(variable, scale * ops.reshape(direction, variable.shape))


def orthogonal(matrix: tf.Tensor) -> tf.Tensor:
    """Return a matrix with the singular vectors of *matrix*, float32 [M, N], and singular values near 1.

    A zero matrix stays zero. Singular values below a hundredth of the Frobenius norm are not raised all the way.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    wide = ops.transpose(matrix) if tall else matrix  # so that the products below are small
    wide = wide / (ops.norm(wide) + 1e-7)
    linear, cubic, quintic = _COEFFICIENTS
    for _ in range(_ITERATIONS):
        gram = wide @ ops.transpose(wide)
        wide = linear * wide + (cubic * gram + quintic * gram @ gram) @ wide
    return ops.transpose(wide) if tall else wide
