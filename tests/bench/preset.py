"""A preset as a job trains it, with a look at the weights after each epoch."""

import threading
from collections.abc import Callable

import numpy as np
from scipy.special import softmax  # type: ignore[import-untyped] # SciPy has no types

from traffic_signs.data.dataset import Dataset
from traffic_signs.training.fit import cluster, distribution, loop
from traffic_signs.training.recipe import networks, presets
from traffic_signs.training.results import calibration

_TEMPERATURES = {"best": 0.670}
"""Of what trains on all tracks: found by a job whose validation tracks were held out."""


def fit(
    name: str,
    training: Dataset,
    validation: Dataset | None,
    seed: int,
    after_epoch: Callable[[list[np.ndarray]], None],
) -> Callable[[list[np.ndarray], np.ndarray], np.ndarray]:
    """Train; return what gives calibrated probabilities, float32 [N, C], for weights and images, uint8 [N, 32, 32, 1].

    Args:
        name: of the preset.
        training: what to train on.
        validation: what chooses the epoch and the temperature; None for all tracks.
        seed: of everything random.
        after_epoch: is given the variables after each epoch, the optimizer's too.
    """
    recipe = presets.PRESETS[name]
    done = loop.fit(
        recipe,
        training,
        validation,
        seed=seed,
        strategy=distribution.strategy(cluster.Hosts("here", ("here",))),
        stop=threading.Event(),
        save=lambda state: after_epoch(state.variables),
    )
    network = networks.build(recipe.network, len(training.names))
    temperature = _TEMPERATURES.get(name, 1.0)
    if validation:
        network.set_weights(done.weights)
        temperature = calibration.temperature(network.predict(validation.images, verbose=0), validation.labels)

    def predict(variables: list[np.ndarray], images: np.ndarray) -> np.ndarray:
        for variable, value in zip(network.variables, variables, strict=False):  # the optimizer's come after them
            variable.assign(value)
        found: np.ndarray = softmax(network.predict(images, verbose=0) / np.float32(temperature), axis=1)
        return found

    return predict
