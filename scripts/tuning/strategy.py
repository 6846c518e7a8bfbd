"""Strategy of a search: how the next values are chosen, how many jobs there are, and which end early.

values of the options, Space  ->  checked as SageMaker would  ->  Strategy
"""

import math
from dataclasses import dataclass, replace

from scripts.errors import Failure
from scripts.tuning.space import Range, Space

NAMES = ("Bayesian", "Random", "Hyperband", "Grid")
"""SageMaker's names."""
DEFAULT_JOBS = 10


@dataclass(frozen=True)
class Strategy:
    """How a space is searched.

    Attributes:
        name: One of NAMES.
        jobs: Largest number of training jobs; all of them for Grid.
        early_stopping: End jobs by the median rule.
        seed: Seed of the search, not of the training.
    """

    name: str
    jobs: int
    early_stopping: bool
    seed: int


def choose(space: Space, *, strategy: str, max_jobs: int | None, early_stopping: bool, seed: int) -> Strategy:
    """Check the options against the space and against each other.

    Raises:
        Failure: SageMaker would refuse the combination.
    """
    chosen = Strategy(strategy, max_jobs or DEFAULT_JOBS, early_stopping, seed)
    if strategy == "Hyperband":
        if early_stopping:
            raise Failure("--early-stopping and --strategy Hyperband exclude each other: Hyperband ends jobs by itself")
        if "epochs" not in space.fixed:
            raise Failure("--strategy Hyperband needs the number of epochs of a whole job: add -p epochs=N")
    if strategy == "Grid":
        if ranges := [name for name, values in space.searched.items() if isinstance(values, Range)]:
            raise Failure(f"--strategy Grid: {ranges[0]} is a range; give it values = [...] in the search space")
        combinations = math.prod(len(values) for values in space.searched.values() if not isinstance(values, Range))
        if max_jobs not in (None, combinations):
            raise Failure(f"--max-jobs {max_jobs}: Grid tries all {combinations} combinations; leave --max-jobs out")
        chosen = replace(chosen, jobs=combinations)
    return chosen
