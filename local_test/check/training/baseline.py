"""Conditions under which an image's training job completes, determined once for all scenarios of training.

    Subject  ->  get             ->  Baseline: the fullest working conditions, the fields that break the job, the jobs
    Baseline ->  try_local_mode  ->  Baseline with what breaks the job in local mode

`PLATFORM` has all conditions of a real job, `LOCAL` the few of SDK v3's local mode. If a job completes under each,
the image accepts everything between them; only if one fails do more jobs determine why. The other scenarios use the
working conditions, so that each tests one thing; but a job that is resumed tries local mode, to save a whole job.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from local_test.check.core.points import Finding, Point, Scenario, Subject, inconclusive
from local_test.check.training.job import Conditions, JobResult, run_job
from local_test.platform.opt_ml import Encoding

PLATFORM = Conditions(
    encoding=Encoding.JSON,
    local_mode_keys=False,
    extra_files=True,
    manifests=True,
    platform_hyperparameters=True,
    variables=True,
    whole_mount=True,
    network_isolation=True,
    other_hostname=True,
    read_only=True,
    toolkit=False,
    unbuffered=False,
)
LOCAL = Conditions(
    encoding=Encoding.TEXT,
    local_mode_keys=True,
    extra_files=False,
    manifests=False,
    platform_hyperparameters=False,
    variables=False,
    whole_mount=False,
    network_isolation=False,
    other_hostname=False,
    read_only=True,
    toolkit=False,
    unbuffered=True,
)
_BETWEEN = (
    replace(LOCAL, encoding=Encoding.JSON, local_mode_keys=False, variables=True),
    replace(LOCAL, encoding=Encoding.PYTHON),
    replace(LOCAL, toolkit=True),
    replace(LOCAL, read_only=False),
)
"""Tried if the job completes under neither of the two."""
CONTAINERS_ONLY = {"whole_mount": False, "network_isolation": False, "other_hostname": False, "read_only": True}
"""Conditions that only a container can have, with their values on the host."""
_FIELDS = tuple(item.name for item in fields(Conditions))


@dataclass(frozen=True)
class Baseline:
    """Results of the first jobs."""

    working: Conditions | None
    """The platform's conditions without those that break the job; None if no job completed."""
    job: JobResult
    """Result under the working conditions, or under the platform's if none work."""
    local: JobResult | None = None
    """Result of a whole job under the conditions of local mode; None if there was none."""
    breaking: dict[str, str] = field(default_factory=dict)
    """Maps fields of `Conditions` that break the job to the result of that job."""
    judged: frozenset[str] = frozenset(_FIELDS)
    """Fields for which a result is known; while *local* is None, those of local mode are taken to break nothing."""

    @property
    def conditions(self) -> Conditions:
        """The working conditions.

        Raises:
            ValueError: no job completed.
        """
        if self.working is None:
            raise ValueError(f"no training job completed: {self.job}")
        return self.working


_Result = TypeVar("_Result")


class Shared(Generic[_Result]):
    """What several scenarios of a check need: the first determines it, and the others wait."""

    def __init__(self, determine: Callable[[Subject], _Result]) -> None:
        """Remember the results of *determine*."""
        self._determine = determine
        self._locks: dict[Path, threading.Lock] = {}
        self._results: dict[Path, _Result] = {}
        """By scratch folder, which is unique per check, like the locks."""

    def __call__(self, subject: Subject) -> _Result:
        """Return the result for *subject*."""
        key = subject.scratch
        with self._locks.setdefault(key, threading.Lock()):
            if key not in self._results:
                self._results[key] = self._determine(subject)
            return self._results[key]


def scenario(
    name: str,
    points: tuple[Point, ...],
    judge: Callable[[Subject, Baseline], Iterator[Finding]],
    *,
    containers_only: bool = False,
) -> Scenario:
    """Make a scenario whose points are INCONCLUSIVE if no job completes under any conditions."""

    def run(subject: Subject) -> Iterator[Finding]:
        if containers_only and subject.image is None:
            yield from inconclusive(points, "only a container shows this")
            return
        baseline = get(subject)
        if baseline.working is None:
            yield from inconclusive(points, f"no training job completed: {baseline.job}")
        else:
            yield from judge(subject, baseline)

    return Scenario(name, points, run, late=True)


def local_mode(subject: Subject) -> Conditions:
    """Return the conditions of local mode that *subject* can have."""
    return replace(LOCAL, **_limits(subject))


def _limits(subject: Subject) -> dict[str, Any]:
    return {} if subject.image else CONTAINERS_ONLY


def _determine(subject: Subject) -> Baseline:
    platform, local = replace(PLATFORM, **_limits(subject)), local_mode(subject)
    run = functools.cache(functools.partial(run_job, subject))
    if run(platform).code == 0:
        return Baseline(platform, run(platform))
    # a job that exceeded the time limit would exceed it again
    candidates = [local] if None in (run(platform).code, run(local).code) else [local, *_BETWEEN]
    base = next((each for each in candidates if run(each).code == 0), None)
    if base is None:
        return Baseline(None, run(platform), run(local), {}, frozenset())
    breaking, judged = _difference(base, platform, run)
    working = replace(platform, **{name: getattr(base, name) for name in breaking})
    if run(working).code != 0:  # only a combination of conditions breaks it
        working, judged = base, frozenset(breaking)
    breaking_local, judged_local = _difference(base, local, run)
    return Baseline(working, run(working), run(local), breaking | breaking_local, judged & judged_local)


get = Shared(_determine)


def try_local_mode(subject: Subject, baseline: Baseline) -> Baseline:
    """Return *baseline* with the result of a whole job in local mode, and with the fields that break it there."""
    if baseline.local:
        return baseline
    run = functools.cache(functools.partial(run_job, subject))
    local = local_mode(subject)
    breaking, judged = _difference(baseline.conditions, local, run)
    return replace(baseline, local=run(local), breaking=breaking, judged=judged)


def _difference(
    good: Conditions, other: Conditions, run: Callable[[Conditions], JobResult]
) -> tuple[dict[str, str], frozenset[str]]:
    """Return the fields that break the job with their values of *other*, and all fields with a known result."""
    breaking: dict[str, str] = {}
    for name in _FIELDS:
        rest = replace(other, **{broken: getattr(good, broken) for broken in breaking})
        if run(rest).code == 0:
            return breaking, frozenset(_FIELDS)
        alone = replace(good, **{name: getattr(other, name)})
        if alone != good and (job := run(alone)).code != 0:
            breaking[name] = str(job)
    return breaking, frozenset(_FIELDS if breaking else ())
