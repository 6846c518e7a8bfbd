"""Optimizer and learning-rate schedule of a recipe.

One-cycle: the rate rises from a 25th of its peak over the first 30 % of the steps, then falls to 0
along a half cosine. L. N. Smith, N. Topin: Super-convergence. SPIE 11006, 2019. The two constants are
those of PyTorch's OneCycleLR.

Adam: D. P. Kingma, J. Ba, ICLR 2015. Weight decay is decoupled: I. Loshchilov, F. Hutter, ICLR 2019.
The moving average of the weights is Keras's own, and a variable of the optimizer:
B. T. Polyak, A. B. Juditsky: Acceleration of stochastic approximation by averaging. SIAM J. Control Optim. 30(4), 1992.
"""

import keras
import numpy as np

from traffic_signs.training.recipe.muon import Muon
from traffic_signs.training.recipe.presets import Recipe

_WARM_UP_SHARE = 0.3
_START_FACTOR = 1 / 25
_ADAM_FACTOR = 0.4
"""Adam's learning rate beside Muon, as a share of Muon's."""


def build_optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Build the optimizer of *recipe* for a training of *steps* steps.

    Muon is for the kernels of hidden layers; Adam takes the logits' kernel and all that is no kernel. Biases and the
    scales of normalisations do not decay: they have at most one dimension, and smaller values do not make the function
    simpler.
    """
    common = {
        "weight_decay": recipe.weight_decay or None,
        **({"use_ema": True, "ema_momentum": average_decay(recipe, steps)} if recipe.ema else {}),
    }
    factor = _ADAM_FACTOR if recipe.optimizer == "muon" else 1.0
    adam = keras.optimizers.Adam(learning_rate(recipe, steps, factor), **common)
    if recipe.weight_decay:
        adam.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    if recipe.optimizer == "adam":
        return adam
    muon = Muon(learning_rate(recipe, steps), **common)

    def optimizer_of(variable: keras.Variable) -> keras.optimizers.Optimizer:
        return muon if len(variable.shape) > 1 and not variable.path.startswith("logits/") else adam

    return keras.optimizers.MultiOptimizer(optimizer_of)


def current_rate(optimizer: keras.optimizers.Optimizer) -> float:
    """Return the learning rate of the next step; of Muon and Adam together, Muon's."""
    if isinstance(optimizer, keras.optimizers.MultiOptimizer):
        optimizer = next(inner for inner in optimizer.optimizers if isinstance(inner, Muon))
    return float(np.asarray(optimizer.learning_rate))


def average_decay(recipe: Recipe, steps: int) -> float:
    """Return the decay in a step, so that in a training of any length little is left of the first weights."""
    return 1 - 1 / max(1.0, recipe.ema * steps)


def learning_rate(
    recipe: Recipe, steps: int, factor: float = 1.0
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return *factor* times the rate for *steps* steps: a constant, or a schedule that maps a step to a rate."""
    peak = factor * recipe.learning_rate
    if recipe.schedule == "constant":
        return peak
    warm_up = int(_WARM_UP_SHARE * steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak * _START_FACTOR if warm_up else peak,
        warmup_target=peak if warm_up else None,
        warmup_steps=warm_up,
        decay_steps=max(1, steps - warm_up),
    )
