"""Optimizer and learning-rate schedule of a recipe.

One-cycle: the rate rises from a 25th of its peak over the first 30 % of the steps, then falls to 0
along a half cosine. L. N. Smith, N. Topin: Super-convergence. SPIE 11006, 2019. The two constants are
those of PyTorch's OneCycleLR.

Adam: D. P. Kingma, J. Ba, ICLR 2015. Weight decay is decoupled: I. Loshchilov, F. Hutter, ICLR 2019.
SGD has a Nesterov momentum of 0.9. The moving average of the weights is Keras's own, and a variable of the optimizer:
B. T. Polyak, A. B. Juditsky: Acceleration of stochastic approximation by averaging. SIAM J. Control Optim. 30(4), 1992.
"""

import keras

from traffic_signs.training.recipe.presets import Recipe

_WARM_UP_SHARE = 0.3
_START_FACTOR = 1 / 25


def build_optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Build the optimizer of *recipe* for a training of *steps* steps.

    Biases and the scales of normalisations do not decay: they have at most one dimension, and
    smaller values do not make the function simpler.
    """
    common = {
        "learning_rate": learning_rate(recipe, steps),
        "weight_decay": recipe.weight_decay or None,
        **({"use_ema": True, "ema_momentum": average_decay(recipe, steps)} if recipe.ema else {}),
    }
    if recipe.optimizer == "sgd":
        optimizer = keras.optimizers.SGD(momentum=0.9, nesterov=True, **common)
    else:
        optimizer = keras.optimizers.Adam(**common)
    if recipe.weight_decay:
        optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def average_decay(recipe: Recipe, steps: int) -> float:
    """Return the decay in a step, so that in a training of any length little is left of the first weights."""
    return 1 - 1 / max(1.0, recipe.ema * steps)


def learning_rate(recipe: Recipe, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate for *steps* steps: a constant, or a schedule that maps a step to a rate."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    warm_up = int(_WARM_UP_SHARE * steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate * _START_FACTOR if warm_up else recipe.learning_rate,
        warmup_target=recipe.learning_rate if warm_up else None,
        warmup_steps=warm_up,
        decay_steps=max(1, steps - warm_up),
    )
