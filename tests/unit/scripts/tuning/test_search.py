"""The search on this machine, on functions in place of trainings: what is tried, what ends early, what is the best."""

from collections.abc import Iterator
from typing import Any

import pytest

from scripts.tuning.local import search
from scripts.tuning.results import Results, Trial
from scripts.tuning.space import Range, Space
from scripts.tuning.strategy import Strategy

EPOCHS = 9


class Curve:
    """A job whose objective is highest for a learning rate of 0.3, and rises towards its end."""

    failure = "the loss diverged"

    def __init__(self, rate: float) -> None:
        self.rate, self.epochs = rate, EPOCHS

    def __enter__(self) -> "Curve":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def values(self) -> Iterator[float]:
        epoch = 0
        while (epoch := epoch + 1) <= self.epochs:
            yield 1 - abs(self.rate - 0.3) * (2 - epoch / EPOCHS)

    def end_early(self) -> None:
        self.epochs = 0

    def wait(self) -> int:
        return int(self.rate > 0.9)


def searched(name: str, values: Any, jobs: int = 20, *, early: bool = False) -> list[Trial]:
    space = Space("validation:accuracy", "", True, {"epochs": EPOCHS}, {"learning_rate": values})
    return list(search.run(space, Strategy(name, jobs, early, 1), lambda _, values: Curve(values["learning_rate"])))


def rates(trials: list[Trial]) -> list[float]:
    return [trial.searched["learning_rate"] for trial in trials]


@pytest.mark.parametrize("name", ["Bayesian", "Random", "Hyperband"])
def test_the_same_seed_tries_the_same_values_inside_the_range(name: str) -> None:
    first = rates(searched(name, Range(0.01, 0.9, True), 8))
    assert first == rates(searched(name, Range(0.01, 0.9, True), 8))
    assert len(set(first)) == 8
    assert all(0.01 <= rate <= 0.9 for rate in first)


def test_a_bayesian_search_tries_more_values_near_the_best_than_a_random_one() -> None:
    bayesian, random = (rates(searched(name, Range(0.0, 0.9, False), 40)) for name in ("Bayesian", "Random"))
    near = [sum(abs(rate - 0.3) < 0.05 for rate in found) for found in (bayesian, random)]
    assert near[0] > 1.5 * near[1], near


def test_a_grid_tries_every_combination_once_in_the_order_of_the_space() -> None:
    assert rates(searched("Grid", (0.5, 0.1, 0.3), 3)) == [0.5, 0.1, 0.3]


def test_early_stopping_ends_only_jobs_that_do_worse_than_the_median() -> None:
    trials = searched("Random", Range(0.0, 0.9, False), early=True)
    stopped = [trial for trial in trials if trial.status == "Stopped"]
    assert stopped
    middle = sorted(abs(rate - 0.3) for rate in rates(trials[:4]))[1]
    assert all(abs(trial.searched["learning_rate"] - 0.3) > middle for trial in stopped)
    assert {trial.status for trial in searched("Random", Range(0.0, 0.9, False))} == {"Completed"}


def test_hyperband_ends_most_jobs_early_and_the_same_ones_with_the_same_seed() -> None:
    trials, again = (searched("Hyperband", Range(0.0, 0.9, False)) for _ in range(2))
    assert [trial.status for trial in trials] == [trial.status for trial in again]
    assert 0 < sum(trial.status == "Completed" for trial in trials) < sum(trial.status == "Stopped" for trial in trials)


def test_a_failed_job_has_its_reason_and_the_search_goes_on() -> None:
    trials = searched("Grid", (0.95, 0.2), 2)
    assert [(trial.status, trial.failure) for trial in trials] == [("Failed", "the loss diverged"), ("Completed", None)]


def test_a_job_that_logs_no_objective_has_failed() -> None:
    class Silent(Curve):
        def values(self) -> Iterator[float]:
            yield from ()

    space = Space("validation:accuracy", "", True, {}, {"learning_rate": (0.1,)})
    [trial] = search.run(space, Strategy("Grid", 1, False, 1), lambda _, values: Silent(values["learning_rate"]))
    assert (trial.status, trial.failure) == ("Failed", "its log has no validation:accuracy")


@pytest.mark.parametrize(("maximize", "best"), [(True, "c"), (False, "b")])
def test_the_best_job_is_the_completed_one_with_the_best_value(maximize: bool, best: str) -> None:
    trials = tuple(
        Trial(name, status, {}, value)
        for name, status, value in (
            ("a", "Stopped", 0.99 if maximize else 0.01), ("b", "Completed", 0.2), ("c", "Completed", 0.7),
            ("d", "Failed", None), ("e", "Completed", 0.5),
        )
    )  # fmt: skip
    results = Results("", "", maximize, {}, trials)
    assert results.best
    assert results.best.name == best
    assert results.ranked[-1].name == "d"
    assert Results("", "", maximize, {}, trials[:1]).best is None
