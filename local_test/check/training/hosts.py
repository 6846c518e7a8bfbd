"""Points about training on two hosts: in two instance groups, with a late host, with a host that never appears.

Baseline  ->  two containers on a private network        ->  exit codes, comparison of the models
          ->  one container, configured with two hosts   ->  how it ends
"""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from local_test.check.core.points import Finding, Part, Point, Subject, Verdict, counted, inconclusive, passed_if
from local_test.check.training.baseline import Baseline, scenario
from local_test.check.training.job import LIMIT_SECONDS, Conditions, JobResult, outcome, start_job
from local_test.platform import opt_ml
from local_test.platform.engine import DOCKER, private_network
from local_test.platform.training_job import STOP_SECONDS, Job, Setup

_CONFIGURATION = (
    'developer guide, "How Amazon SageMaker AI Provides Training Information": distributed training configuration'
)
_TWO = Point(
    "T8-two-hosts",
    Part.TRAINING,
    "a job with two hosts completes, even if one host starts some seconds after the other",
    f"{_CONFIGURATION}; sagemaker-training 5.1.4 tries for 15 minutes; an image may support one host only",
    "retry while another host's name does not resolve or its port is closed",
    level=Verdict.WARNING,
)
_GROUPS = Point(
    "T8-groups",
    Part.TRAINING,
    "a job with several instance groups of different types completes",
    'developer guide, "Train Using a Heterogeneous Cluster"',
    "read all hosts from `hosts`, and the group of the current host from current_group_name",
    level=Verdict.WARNING,
)
_CLASH = Point(
    "T11-names-of-two-hosts",
    Part.TRAINING,
    "hosts do not write model files with the same name and different content",
    'developer guide, "How Amazon SageMaker AI Processes Training Output": names must not clash',
    "let only the first host write the model, or include the host's name in the file names",
    level=Verdict.WARNING,
)
_LOST = Point(
    "T8-lost-host",
    Part.TRAINING,
    "if the other host never appears, the job fails with a reason, or does so when it is stopped",
    f"{_CONFIGURATION}; a name may not resolve for a while, or never",
    "limit the wait for other hosts, end it on SIGTERM, and write the reason to /opt/ml/output/failure",
    level=Verdict.WARNING,
)
_HOSTS = ("algo-1", "algo-2")
_DELAY_SECONDS = 2
_NOBODY = "192.0.2.1"
"""An address that no machine has (RFC 5737), for a host that has ended."""
MINIMUM_WAIT_SECONDS = 20
"""How long a job may be busy or silent until it is taken to wait for the other host, if that is longer than a job."""
_SLOWER, _MUCH_SLOWER = 1.5, 3
"""How much longer than a job with a single host it may take if it is idle, and if it is busy."""
_IDLE_SECONDS, _IDLE_SHARE = 8.0, 0.05
"""A job is idle if it has used less than this share of a core for so long."""
_LOOK_SECONDS = 0.5


def _two_hosts(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    points = (_TWO, _GROUPS, _CLASH)
    mixed = (
        opt_ml.Group("first", "ml.m5.large", _HOSTS[:1]),
        opt_ml.Group("second", "ml.c5.xlarge", _HOSTS[1:]),
    )
    jobs = _run_both_hosts(subject, baseline.conditions, mixed)
    groups_work = all(job.code == 0 for job in jobs)
    observed = "; ".join(f"{host}: {job}" for host, job in zip(_HOSTS, jobs, strict=True))
    if any(job.code is None for job in jobs):
        yield from inconclusive(points, observed)
        return
    if not groups_work:
        jobs = _run_both_hosts(subject, baseline.conditions, (opt_ml.Group(hosts=_HOSTS),))
    if any(job.code != 0 for job in jobs):
        yield passed_if(_TWO, False, observed)
        yield from inconclusive(points[1:], "a job with two hosts in one group fails too")
        return
    yield passed_if(_TWO, True, f"both hosts complete; {_HOSTS[0]} started {_DELAY_SECONDS} s after {_HOSTS[1]}")
    yield passed_if(_GROUPS, groups_work, observed)
    first, second = (job.base / "model" for job in jobs)
    common = jobs[0].model.keys() & jobs[1].model.keys()
    clashes = [name for name in sorted(common) if (first / name).read_bytes() != (second / name).read_bytes()]
    counts = " and ".join(counted(len(job.model), "file") for job in jobs)
    observed = f"{', '.join(clashes[:3])} differ" if clashes else f"{len(common)} with the same name, all identical"
    yield passed_if(_CLASH, not clashes, f"{counts}; {observed}")


def _run_both_hosts(subject: Subject, conditions: Conditions, groups: tuple[opt_ml.Group, ...]) -> list[JobResult]:
    """Run both hosts of a job; the first starts after the second, so that the second has to wait for it.

    A machine keeps its name, while Docker forgets that of a container at its end. So the first host gets the address
    of the second, and the second a network in which it has the name of the first.
    """
    with (
        private_network(internal=conditions.network_isolation) as network,
        private_network(internal=True) as after_the_first,
    ):

        def start(host: str, addresses: Mapping[str, str]) -> AbstractContextManager[tuple[Job, Path]]:
            def change(setup: Setup) -> Setup:
                return replace(setup, network=network, addresses=addresses)

            return start_job(subject, conditions, groups=groups, host=host, change=change)

        with start(_HOSTS[1], {}) as (second, base):
            second.wait(LIMIT_SECONDS, until=lambda: bool(second.lines))
            second.wait(_DELAY_SECONDS)
            with start(_HOSTS[0], {_HOSTS[1]: _address(second) or _NOBODY}) as (first, first_base):
                code = first.wait(LIMIT_SECONDS)
                # this fails if the second has ended too, and need not do anything then
                words = ["network", "connect", "--alias", _HOSTS[0], after_the_first, str(second.command.container)]
                subprocess.run([DOCKER, *words], check=False, capture_output=True)
                result = outcome(first, code, first_base)
            return [result, outcome(second, second.wait(LIMIT_SECONDS), base)]


def _address(job: Job) -> str:
    """Return the address of the container of *job*; "" if it has ended."""
    form = "{{if .State.Running}}{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}{{end}}"
    words = [DOCKER, "inspect", "--format", form, str(job.command.container)]
    return subprocess.run(words, check=False, capture_output=True, text=True).stdout.strip()


def _lost_host(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    current = _HOSTS[0] if subject.image else "localhost"
    groups = (opt_ml.Group(hosts=(current, "never.invalid")),)
    with start_job(subject, baseline.conditions, groups=groups, host=current) as (job, base):
        waited = _waits(job, baseline.job)
        limit = job.seconds
        handled = job.handles_sigterm() if waited else None
        if waited and handled is not False:
            job.terminate()
        code = job.wait(STOP_SECONDS if handled is not False else 0)
        end = outcome(job, code, base)
    before = f"it still waited after {limit:.0f} s" if waited else "with one of two hosts"
    if code is None:
        observed = "SIGTERM is not handled" if handled is False else f"SIGTERM did not end it within {STOP_SECONDS} s"
        yield passed_if(_LOST, False, f"{before}, and {observed}")
    else:
        reported = code == 0 or bool(end.failure.strip())
        yield passed_if(_LOST, reported, f"{before}: {end}" + ("" if reported else "; no failure file"))


def _waits(job: Job, alone: JobResult) -> bool:
    """Watch a job until it ends, or waits for the other host; return whether it waits.

    It does if it runs longer than a job with a single host, or if it is idle and its log is behind that job's.
    """
    limit = max(MINIMUM_WAIT_SECONDS, _MUCH_SLOWER * alone.seconds)
    used, since = job.cpu_seconds(), job.seconds
    while (code := job.wait(_LOOK_SECONDS)) is None and job.seconds < limit:
        now = job.cpu_seconds()
        if now is None or used is None or abs(now - used) > _IDLE_SHARE * _IDLE_SECONDS:
            used, since = now, job.seconds
        expected = sum(_SLOWER * line.seconds < job.seconds for line in alone.lines)
        if job.seconds - since > _IDLE_SECONDS and len(job.lines) < expected:
            break
    return code is None


SCENARIOS = (
    scenario("training on two hosts", (_TWO, _GROUPS, _CLASH), _two_hosts, containers_only=True),
    scenario("training with a host that never appears", (_LOST,), _lost_host),
)
