"""Search on this machine by Optuna.

Space, Strategy  ->  values of the next job  ->  its objective, epoch by epoch  ->  Trial, for each job
"""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from scripts.tuning.results import Trial
from scripts.tuning.space import Range, Space
from scripts.tuning.strategy import Strategy

if TYPE_CHECKING:
    import optuna

_JOBS_TO_COMPARE = 4
"""The median rule begins after so many jobs; the median of fewer says little."""


class Job(Protocol):
    """A running training job."""

    @property
    def failure(self) -> str:
        """Why it failed, after its end."""

    def values(self) -> Iterator[float]:
        """Yield the objective after each epoch, and last that of the model."""

    def end_early(self) -> None:
        """Ask it to write its model and end."""

    def wait(self) -> int:
        """Return its exit code."""


def run(
    space: Space,
    strategy: Strategy,
    start: Callable[[int, Mapping[str, Any]], AbstractContextManager[Job]],
    show: Callable[[str], object] = lambda _text: None,
) -> Iterator[Trial]:
    """Run the jobs one after the other, and yield each when it has ended.

    Args:
        space: What is searched.
        strategy: How.
        start: Starts the job of a number, from 1, with values of the searched hyperparameters.
        show: Gets a line on the running job after each epoch.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        # Hyperband assigns a job to its bracket by this name, which is random by default
        study_name=f"seed {strategy.seed}",
        direction="maximize" if space.maximize else "minimize",
        sampler=_sampler(strategy),
        pruner=_pruner(space, strategy),
    )
    if strategy.name == "Grid":  # Optuna's GridSampler does not work with ask and tell (5.0.0)
        choices = [values for values in space.searched.values() if not isinstance(values, Range)]
        for chosen in itertools.product(*choices):
            study.enqueue_trial(dict(zip(space.searched, chosen, strict=True)))
    distributions = {name: _distribution(values) for name, values in space.searched.items()}
    for number in range(1, strategy.jobs + 1):
        asked = study.ask(distributions)
        begin, value, is_early = time.monotonic(), None, False
        with start(number, asked.params) as job:
            for epoch, value in enumerate(job.values(), 1):
                show(f"job {number} of {strategy.jobs}, epoch {epoch}: {space.objective} {value:.6g}")
                if is_early:
                    continue
                asked.report(value, epoch)
                if is_early := asked.should_prune():
                    job.end_early()
            code = job.wait()
        failure = job.failure if code else None if value is not None else f"its log has no {space.objective}"
        status = "Failed" if failure else "Stopped" if is_early else "Completed"
        if status == "Completed":
            study.tell(asked, value)
        else:
            study.tell(asked, state=optuna.trial.TrialState.FAIL if failure else optuna.trial.TrialState.PRUNED)
        yield Trial(f"job-{number}", status, asked.params, value, time.monotonic() - begin, failure)


def _distribution(values: Any) -> "optuna.distributions.BaseDistribution":
    from optuna import distributions

    if not isinstance(values, Range):
        return distributions.CategoricalDistribution(values)
    if values.is_whole:
        return distributions.IntDistribution(int(values.low), int(values.high), log=values.logarithmic)
    return distributions.FloatDistribution(values.low, values.high, log=values.logarithmic)


def _sampler(strategy: Strategy) -> "optuna.samplers.BaseSampler":
    from optuna import samplers

    if strategy.name == "Bayesian":
        # Optuna's default, 10 random jobs before the first that learns from others, would be all of a short search
        return samplers.TPESampler(n_startup_trials=max(2, min(10, strategy.jobs // 3)), seed=strategy.seed)
    return samplers.RandomSampler(seed=strategy.seed)


def _pruner(space: Space, strategy: Strategy) -> "optuna.pruners.BasePruner":
    from optuna import pruners

    if strategy.name == "Hyperband":
        return pruners.HyperbandPruner(min_resource=1, max_resource=space.fixed["epochs"])
    if strategy.early_stopping:
        return pruners.MedianPruner(n_startup_trials=_JOBS_TO_COMPARE)
    return pruners.NopPruner()
