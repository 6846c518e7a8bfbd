"""Conditions under which an image's training job completes, determined once for all scenarios of training.

    Subject  ->  get  ->  Baseline: the fullest working conditions, the fields that break the job, the jobs

`PLATFORM` has all conditions of a real job, `LOCAL` the few of SDK v3's local mode. If the job completes under both,
the image accepts everything between them; only if one fails do more jobs determine why. The other scenarios use the
working conditions, so that each tests one thing.
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Baseline:
    """Results of the first jobs."""

    working: Conditions | None
    """The platform's conditions without those that break the job; None if no job completed."""
    job: JobResult
    """Result under the working conditions, or under the platform's if none work."""
    local: JobResult
    """Result under the conditions of local mode."""
    breaking: dict[str, str]
    """Maps fields of `Conditions` that break the job to the result of that job."""
    judged: frozenset[str]
    """Fields for which a result is known."""

    @property
    def conditions(self) -> Conditions:
        """The working conditions.

        Raises:
            ValueError: no job completed.
        """
        if self.working is None:
            raise ValueError(f"no training job completed: {self.job}")
        return self.working


class _CacheEntry:
    """Baseline of a subject, with the lock of the thread that determines it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.baseline: Baseline | None = None


_cache: defaultdict[Path, _CacheEntry] = defaultdict(_CacheEntry)
"""Entries by scratch folder, which is unique per check."""


def get(subject: Subject) -> Baseline:
    """Return the baseline of *subject*; the first caller determines it, and other callers wait."""
    entry = _cache[subject.scratch]
    with entry.lock:
        entry.baseline = entry.baseline or _determine(subject)
        return entry.baseline


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


def _determine(subject: Subject) -> Baseline:
    limits: dict[str, Any] = {} if subject.image else CONTAINERS_ONLY
    platform, local = replace(PLATFORM, **limits), replace(LOCAL, **limits)
    with ThreadPoolExecutor(2) as pool:
        runs = dict(
            zip((platform, local), pool.map(lambda each: run_job(subject, each), (platform, local)), strict=True)
        )

    def run(conditions: Conditions) -> JobResult:
        if conditions not in runs:
            runs[conditions] = run_job(subject, conditions)
        return runs[conditions]

    # a job that exceeded the time limit would exceed it again
    candidates = [platform, local] if any(job.code is None for job in runs.values()) else [platform, local, *_BETWEEN]
    base = next((each for each in candidates if run(each).code == 0), None)
    if base is None:
        return Baseline(None, runs[platform], runs[local], {}, frozenset())
    breaking, judged = _difference(base, platform, run)
    working = replace(platform, **{name: getattr(base, name) for name in breaking})
    if run(working).code != 0:  # only a combination of conditions breaks it
        working, judged = base, frozenset(breaking)
    breaking_local, judged_local = _difference(base, local, run)
    return Baseline(working, run(working), runs[local], breaking | breaking_local, judged & judged_local)


def _difference(
    good: Conditions, other: Conditions, run: Callable[[Conditions], JobResult]
) -> tuple[dict[str, str], frozenset[str]]:
    """Return the fields that break the job with their values of *other*, and all fields with a known result."""
    breaking: dict[str, str] = {}
    names = [item.name for item in fields(Conditions)]
    for name in names:
        rest = replace(other, **{broken: getattr(good, broken) for broken in breaking})
        if run(rest).code == 0:
            return breaking, frozenset(names)
        alone = replace(good, **{name: getattr(other, name)})
        if alone != good and (job := run(alone)).code != 0:
            breaking[name] = str(job)
    return breaking, frozenset(names if breaking else ())
