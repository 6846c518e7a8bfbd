"""Training of a preset as in a job, with access to the weights after each epoch."""

import threading
from collections.abc import Callable

import numpy as np
from scipy.special import softmax  # type: ignore[import-untyped] # SciPy has no types

from tests.bench.training.clock import Clock
from traffic_signs.data.dataset import Dataset
from traffic_signs.training.fit import distribution, hosts, loop
from traffic_signs.training.fit.checkpoints import Checkpoints, State
from traffic_signs.training.recipe import networks, presets
from traffic_signs.training.results import calibration

_TEMPERATURES = {"fast": 0.661, "best": 0.661}
"""Calibration temperatures of presets that train on all tracks, from a job of `fast` with held-out tracks."""


def fit(
    name: str,
    training: Dataset,
    validation: Dataset | None,
    seed: int,
    clock: Clock,
) -> Callable[[list[np.ndarray], np.ndarray], np.ndarray]:
    """Train; return a function: weights, images uint8 [N, 32, 32, 1] -> calibrated probabilities float32 [N, C].

    Args:
        name: Name of the preset.
        training: Training images.
        validation: Images that select the epoch and the temperature; None, if all tracks are trained on.
        seed: Seed of all random numbers.
        clock: Gets, after each epoch, the weights that a job would export if it ended then; its folder may have a
            checkpoint of this training to resume from.

    Raises:
        CheckpointError: the checkpoint belongs to another training.
    """
    recipe, checkpoints = presets.PRESETS[name], Checkpoints(clock.folder)
    distribution.choose_precision(recipe.mixed_precision)
    resume = checkpoints.newest(loop.identity(recipe, training, validation, seed))
    clock.resume(len(resume.history["train_loss"]) if resume else 0)

    def save(state: State) -> None:
        clock.lap(state.best)
        checkpoints.save(state)

    result = loop.fit(
        recipe,
        training,
        validation,
        seed=seed,
        strategy=distribution.strategy(hosts.Hosts("here", ("here",))),
        stop=threading.Event(),
        resume=resume,
        save=save,
    )
    distribution.choose_precision(mixed=False)  # as in a job: the exported network computes in float32
    network = networks.build(recipe.network, len(training.names))
    temperature = _TEMPERATURES.get(name, 1.0)
    if validation:
        network.set_weights(result.weights)
        temperature = calibration.temperature(network.predict(validation.images, verbose=0), validation.labels)

    def predict(weights: list[np.ndarray], images: np.ndarray) -> np.ndarray:
        network.set_weights(weights)
        found: np.ndarray = softmax(network.predict(images, verbose=0) / np.float32(temperature), axis=1)
        return found

    return predict
