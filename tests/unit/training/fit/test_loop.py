"""The loop on drawn signs: what it does must follow from the seed and the step alone."""

import dataclasses
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from traffic_signs.data.dataset import Dataset
from traffic_signs.errors import CheckpointError, DataError
from traffic_signs.training.fit import loop
from traffic_signs.training.fit.checkpoints import Checkpoints, State
from traffic_signs.training.recipe import presets, schedule

DEVICE = tf.distribute.get_strategy()
PLAIN = presets.Recipe("lenet", 2, 4, "adam", 1e-3, "constant")
FULL = dataclasses.replace(  # every part that keeps a state or draws at random
    presets.PRESETS["best"], epochs=2, batch_size=4, learning_rate=0.01
)


class StopAfter(threading.Event):
    """Stands for a SIGTERM that comes in the given call of ten steps."""

    def __init__(self, calls: int) -> None:
        super().__init__()
        self._left = calls

    def is_set(self) -> bool:
        self._left -= 1
        return self._left <= 0


@pytest.fixture(scope="module")
def data(prepared: Path) -> tuple[Dataset, Dataset]:
    """50 images of the same classes each: 13 steps an epoch."""
    training = Dataset.load(prepared / "training" / "training.npz")
    return training.take(np.arange(0, 100, 2)), training.take(np.arange(1, 100, 2))


def fit(
    data: tuple[Dataset, Dataset], recipe: presets.Recipe = PLAIN, stop: int = 10**6, **options: object
) -> loop.Fit:
    given = {"seed": 1, "strategy": DEVICE, **options}
    return loop.fit(recipe, *data, stop=StopAfter(stop), **given)


def equal(first: list[np.ndarray], second: list[np.ndarray]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_the_same_seed_gives_the_same_weights_and_another_one_others(data: tuple[Dataset, Dataset]) -> None:
    once = fit(data)
    assert equal(once.weights, fit(data).weights)
    assert not equal(once.weights, fit(data, seed=2).weights)


AT_THE_FIRST_EPOCHS_END, WITHIN_THE_SECOND = (1, 13), (2, 23)
"""Calls of ten steps, and the step after them, counted from a stop after ten."""


@pytest.mark.parametrize(
    ("recipe", "stops"),
    [(PLAIN, [AT_THE_FIRST_EPOCHS_END, WITHIN_THE_SECOND]), (FULL, [WITHIN_THE_SECOND])],
    ids=["plain", "full"],
)
def test_a_resumed_training_ends_with_the_weights_of_one_that_never_stopped(
    data: tuple[Dataset, Dataset], recipe: presets.Recipe, stops: list[tuple[int, int]]
) -> None:
    def stopped(calls: int, step: int, resume: State | None = None) -> State:
        states: list[State] = []
        assert fit(data, recipe, calls, save=states.append, resume=resume).stopped
        assert states[-1].step == step
        return State.from_bytes(states[-1].to_bytes())

    whole = fit(data, recipe)
    within = stopped(1, 10)
    for calls, step in stops:
        resumed = fit(data, recipe, resume=stopped(calls, step, within))
        assert equal(resumed.weights, whole.weights)
        assert resumed.history == whole.history
        assert resumed.best_epoch == whole.best_epoch


def test_a_training_that_is_stopped_in_its_first_steps_has_weights_and_figures(data: tuple[Dataset, Dataset]) -> None:
    stopped = fit(data, stop=1)
    assert stopped.best_epoch == 1
    assert len(stopped.history["validation_loss"]) == 1
    assert all(np.isfinite(weight).all() for weight in stopped.weights)


def test_a_stop_during_the_last_steps_shortens_nothing(data: tuple[Dataset, Dataset]) -> None:
    done = fit(data, stop=4)  # 26 steps: 10 and 3 an epoch
    assert len(done.history["train_loss"]) == 2
    assert not done.stopped


def test_a_finished_training_returns_its_weights_again(data: tuple[Dataset, Dataset]) -> None:
    states: list[State] = []
    done = fit(data, save=states.append)
    again = fit(data, resume=states[-1])
    assert equal(again.weights, done.weights)
    assert again.history == done.history


def test_the_best_epoch_is_the_most_accurate_and_of_those_the_one_with_the_lowest_loss(
    data: tuple[Dataset, Dataset],
) -> None:
    recipe = dataclasses.replace(PLAIN, epochs=6, learning_rate=1e-5)  # so slow that accuracies tie
    done = fit(data, recipe)
    ranks = [
        (accuracy, -loss)
        for accuracy, loss in zip(done.history["validation_accuracy"], done.history["validation_loss"], strict=True)
    ]
    assert len({accuracy for accuracy, _ in ranks}) < 6
    assert done.best_epoch == ranks.index(max(ranks)) + 1


def test_without_validation_the_last_weights_are_kept(data: tuple[Dataset, Dataset]) -> None:
    states: list[State] = []
    last = fit((data[0], None), save=states.append)  # type: ignore[arg-type] # None is what is tried here
    assert set(last.history) == {"train_loss", "train_accuracy", "learning_rate"}
    assert last.best_epoch == 2
    for state, kept in zip(states, (False, True), strict=True):
        assert all(any(np.array_equal(one, other) for other in state.variables) for one in last.weights) == kept


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_the_exported_weights_are_the_moving_average_of_those_after_each_step(
    data: tuple[Dataset, Dataset], optimizer: str
) -> None:
    # an epoch is one step
    recipe = dataclasses.replace(PLAIN, epochs=4, batch_size=len(data[0]), ema=1.0, optimizer=optimizer)
    steps: list[State] = []
    done = fit((data[0], None), recipe, save=steps.append)  # type: ignore[arg-type] # None: the last epoch is exported
    floats = [
        [value for value in state.variables if value.dtype == np.float32] for state in steps
    ]  # without dropout's seed
    average, *later = [values[: len(done.weights)] for values in floats]
    for weights in later:
        average = [0.75 * old + 0.25 * new for old, new in zip(average, weights, strict=True)]
    for expected, exported in zip(average, done.weights, strict=True):
        np.testing.assert_allclose(exported, expected, rtol=1e-5, atol=1e-7)


def test_the_average_forgets_the_first_weights_in_a_short_training_too() -> None:
    steps = presets.PRESETS["fast"].epochs * 4  # of 500 images
    assert schedule.average_decay(presets.PRESETS["fast"], steps) ** steps < 1e-6


def test_fewer_images_than_a_batch_are_enough(data: tuple[Dataset, Dataset]) -> None:
    few = data[0].take(np.arange(5))
    assert len(fit((few, few)).history["train_loss"]) == 2


def test_a_nan_loss_ends_the_training(data: tuple[Dataset, Dataset]) -> None:
    recipe = dataclasses.replace(PLAIN, optimizer="muon", learning_rate=1e30)
    with pytest.raises(DataError, match="the loss became NaN or infinite; try a lower learning_rate than"):
        fit(data, recipe)


def test_variables_of_another_version_are_refused(data: tuple[Dataset, Dataset]) -> None:
    with pytest.raises(CheckpointError, match="has other variables"):
        fit(data, resume=State({}, 3, [np.zeros(2)]))


def test_the_one_cycle_rises_to_its_peak_and_falls_to_nothing() -> None:
    recipe = dataclasses.replace(PLAIN, schedule="one-cycle", learning_rate=0.5)
    rate = schedule.learning_rate(recipe, 100)
    assert callable(rate)
    rates = [float(rate(step)) for step in range(101)]
    assert rates[0] == pytest.approx(0.02)
    assert max(rates) == rates[30] == pytest.approx(0.5)
    assert rates[100] == pytest.approx(0)
    assert rates[:31] == sorted(rates[:31])
    assert rates[30:] == sorted(rates[30:], reverse=True)


def test_event_files_for_tensorboard_are_written(data: tuple[Dataset, Dataset], tmp_path: Path) -> None:
    done = fit(data, tensorboard=tmp_path)
    (file,) = tmp_path.glob("events.out.tfevents.*")
    found = [
        (value.tag, event.step, tf.make_ndarray(value.tensor))
        for event in map(
            tf.compat.v1.Event.FromString, (record.numpy() for record in tf.data.TFRecordDataset(str(file)))
        )
        for value in event.summary.value
    ]
    losses = {step: float(value) for tag, step, value in found if tag == "train_loss"}
    assert losses == pytest.approx({1: done.history["train_loss"][0], 2: done.history["train_loss"][1]})


def test_a_training_succeeds_without_event_files(
    data: tuple[Dataset, Dataset], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tensorboard").write_text("a file where the folder should be")
    done = fit(data, tensorboard=tmp_path / "tensorboard")
    assert len(done.history["train_loss"]) == 2
    assert f"no event files for TensorBoard in {tmp_path}/tensorboard: " in caplog.text


_SAVES = """
import sys
import numpy as np
from pathlib import Path
from traffic_signs.training.fit.checkpoints import Checkpoints, State
for step in range(10**6):
    Checkpoints(Path(sys.argv[1])).save(State({}, step, [np.full(300_000, step)]))
"""


def test_a_kill_while_a_checkpoint_is_written_leaves_a_whole_one(tmp_path: Path) -> None:
    for milliseconds in (0, 10, 20, 30, 40):
        process = subprocess.Popen([sys.executable, "-c", _SAVES, str(tmp_path)])
        while not list(tmp_path.glob("step-*.npz")):  # a slow disk takes a while for the first one
            assert process.poll() is None
            threading.Event().wait(0.005)
        threading.Event().wait(milliseconds / 1000)
        process.send_signal(signal.SIGKILL)
        process.wait()
        state = Checkpoints(tmp_path).newest({})
        assert state is not None
        assert (state.variables[0] == state.step).all()
        for file in tmp_path.glob("step-*"):
            file.unlink()
