"""A recipe and a number of steps -> the optimizer that takes them, with the learning rate of each.

One-cycle: the rate rises from a 25th of its peak over the first 30 % of the steps, then falls to 0
along a half cosine. L. N. Smith, N. Topin: Super-convergence. SPIE 11006, 2019; the shares are those
of PyTorch's OneCycleLR.

Adam: D. P. Kingma, J. Ba, ICLR 2015; its weight decay is the decoupled one of I. Loshchilov,
F. Hutter, ICLR 2019. SGD has Nesterov's momentum of 0.9.
"""

import keras

from traffic_signs.training.recipe.presets import Recipe

_WARM_UP = 0.3
_START = 1 / 25


def optimizer(recipe: Recipe, steps: int) -> keras.optimizers.Optimizer:
    """Make the optimizer of *recipe* for a training of *steps* steps.

    Biases and the scales of normalisations do not decay: they have one dimension at most, and
    small values of them are no simpler a function.
    """
    common = {
        "learning_rate": rate(recipe, steps),
        "weight_decay": recipe.weight_decay or None,
    }
    if recipe.optimizer == "sgd":
        made = keras.optimizers.SGD(momentum=0.9, nesterov=True, **common)
    else:
        made = keras.optimizers.Adam(**common)
    if recipe.weight_decay:
        made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made


def rate(recipe: Recipe, steps: int) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate of each of *steps* steps: a number, or a schedule to call with a step."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    warm_up = int(_WARM_UP * steps)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate * _START if warm_up else recipe.learning_rate,
        warmup_target=recipe.learning_rate if warm_up else None,
        warmup_steps=warm_up,
        decay_steps=max(1, steps - warm_up),
    )
