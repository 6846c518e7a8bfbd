"""Under which conditions an image's training job completes: found once, shared by all scenarios of training.

    Subject  ->  of  ->  Baseline: the fullest conditions that work, which ones break the job, a job under each

`PLATFORM` is all that a real job has at once, `LOCAL` the little that SDK v3's local mode writes. Where both
complete, an image takes everything that lies between them; only where one fails do more jobs find out why. The
other scenarios run under the conditions that work, so that each judges one thing.
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

PLATFORM = Conditions(
    json_strings=True,
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
    json_strings=False,
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
    replace(LOCAL, json_strings=True, local_mode_keys=False, variables=True),
    replace(LOCAL, toolkit=True),
    replace(LOCAL, read_only=False),
)
"""Tried where neither of the two completes."""
CONTAINERS_ONLY = {"whole_mount": False, "network_isolation": False, "other_hostname": False, "read_only": True}
"""What a bare program cannot be given."""


@dataclass(frozen=True)
class Baseline:
    """What the first jobs found out."""

    working: Conditions | None
    """The platform's, but for what breaks the job; None where no job completed."""
    job: JobResult
    """Under those conditions; without them, the platform's."""
    local: JobResult
    """Under those of local mode."""
    breaking: dict[str, str]
    """Names of the fields of `Conditions` that break the job, with how it ended then."""
    judged: frozenset[str]
    """Names of the fields that something is known about."""

    @property
    def conditions(self) -> Conditions:
        """Those that work, of a baseline that has them."""
        if self.working is None:
            raise ValueError(f"no training job completed: {self.job}")
        return self.working


class _CacheEntry:
    """A place for what is found out about a subject, once."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.baseline: Baseline | None = None


_cache: defaultdict[Path, _CacheEntry] = defaultdict(_CacheEntry)
"""By the scratch folder, which each check has for itself."""


def get(subject: Subject) -> Baseline:
    """Return what is known about *subject*; the first caller finds it out, others wait."""
    found = _cache[subject.scratch]
    with found.lock:
        found.baseline = found.baseline or _determine(subject)
        return found.baseline


def scenario(
    name: str,
    points: tuple[Point, ...],
    judge: Callable[[Subject, Baseline], Iterator[Finding]],
    *,
    containers_only: bool = False,
) -> Scenario:
    """Make a scenario that needs a job that completes; without one its points are INCONCLUSIVE, with the reason."""

    def run(subject: Subject) -> Iterator[Finding]:
        if containers_only and subject.image is None:
            yield from inconclusive(points, "a bare program has no container")
            return
        baseline = get(subject)
        if baseline.working is None:
            yield from inconclusive(points, f"no training job completed: {baseline.job}")
        else:
            yield from judge(subject, baseline)

    return Scenario(name, points, run)


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

    # a job that was given up would be given up again
    candidates = [platform, local] if any(job.code is None for job in runs.values()) else [platform, local, *_BETWEEN]
    base = next((each for each in candidates if run(each).code == 0), None)
    if base is None:
        return Baseline(None, runs[platform], runs[local], {}, frozenset())
    breaking, told = _difference(base, platform, run)
    works = replace(platform, **{name: getattr(base, name) for name in breaking})
    if run(works).code != 0:  # only several together break it
        works, told = base, frozenset(breaking)
    breaking_local, told_local = _difference(base, local, run)
    return Baseline(works, run(works), runs[local], breaking | breaking_local, told & told_local)


def _difference(
    good: Conditions, other: Conditions, run: Callable[[Conditions], JobResult]
) -> tuple[dict[str, str], frozenset[str]]:
    """Return the names of the fields that break the job when they are as in *other*, and of those that are judged."""
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
