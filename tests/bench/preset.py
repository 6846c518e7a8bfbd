"""Training of a preset as in a job, with access to the weights after each epoch."""

import threading
from collections.abc import Callable

import numpy as np
from scipy.special import softmax  # type: ignore[import-untyped] # SciPy has no types

from traffic_signs.data.dataset import Dataset
from traffic_signs.training.fit import distribution, hosts, loop
from traffic_signs.training.recipe import networks, presets
from traffic_signs.training.results import calibration

_TEMPERATURES = {"best": 0.670}
"""Calibration temperatures of presets that train on all tracks, from a job with held-out validation tracks."""


def fit(
    name: str,
    training: Dataset,
    validation: Dataset | None,
    seed: int,
    after_epoch: Callable[[list[np.ndarray]], None],
) -> Callable[[list[np.ndarray], np.ndarray], np.ndarray]:
    """Train; return a function: weights, images uint8 [N, 32, 32, 1] -> calibrated probabilities float32 [N, C].

    Args:
        name: Name of the preset.
        training: Training images.
        validation: Images that select the epoch and the temperature; None, if all tracks are trained on.
        seed: Seed of all random numbers.
        after_epoch: Called with the variables after each epoch, the optimizer's included.
    """
    recipe = presets.PRESETS[name]
    result = loop.fit(
        recipe,
        training,
        validation,
        seed=seed,
        strategy=distribution.strategy(hosts.Hosts("here", ("here",))),
        stop=threading.Event(),
        save=lambda state: after_epoch(state.variables),
    )
    network = networks.build(recipe.network, len(training.names))
    temperature = _TEMPERATURES.get(name, 1.0)
    if validation:
        network.set_weights(result.weights)
        temperature = calibration.temperature(network.predict(validation.images, verbose=0), validation.labels)

    def predict(variables: list[np.ndarray], images: np.ndarray) -> np.ndarray:
        for variable, value in zip(network.variables, variables, strict=False):  # the optimizer's come after them
            variable.assign(value)
        found: np.ndarray = softmax(network.predict(images, verbose=0) / np.float32(temperature), axis=1)
        return found

    return predict
