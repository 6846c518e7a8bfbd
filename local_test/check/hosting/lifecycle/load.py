"""Points under load, and after a worker process is killed. No other scenario may run beside it."""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from local_test.check.core.points import (
    ONLY_A_CONTAINER,
    Finding,
    Part,
    Point,
    Scenario,
    Subject,
    Verdict,
    counted,
    inconclusive,
    not_applicable,
    passed_if,
    warning,
)
from local_test.check.hosting.support import sources, wire
from local_test.check.hosting.support.patience import is_late, of_the_model, ping_twice
from local_test.check.hosting.support.running import RunningServer
from local_test.check.hosting.support.served import NO_MODEL, ServingContainer, start_container
from local_test.platform.processes import Process, busiest_child
from local_test.platform.profiles import Conditions

PING = Point(
    "H3-ping-under-load",
    Part.HOSTING,
    "/ping responds within 2 s while 4 clients send requests without a pause; up to 4 s, in two rounds, is a warning",
    f"{sources.PING}; aws/sagemaker-python-sdk issue 1554",
    "respond to /ping from a thread or process that runs no predictions",
)
REPLACED = Point(
    "H3-worker-replaced",
    Part.HOSTING,
    "a worker process killed under load is replaced within 30 s (or 3 times the server's start), and requests succeed;"
    " or the container exits",
    f"{sources.PING}: a container that is not healthy must report it",
    "let the main process monitor its workers, and start new ones or exit with them",
)
NOT_WRITTEN = Point(
    "H9-nothing-written",
    Part.HOSTING,
    "nothing is written to /opt/ml/model, even if it is writable",
    f"{sources.LOADS}: do not write to this directory; it is read-only there, which H9-read-only-model checks",
    "write to /tmp instead",
    level=Verdict.WARNING,
)
POINTS = (PING, REPLACED, NOT_WRITTEN)
_CLIENTS, _SECONDS, _REPLACED_SECONDS = 4, 4.0, 30.0
_WORK_SECONDS = 0.5
"""How long the processes are observed at work, before one is killed."""
_ANSWER_SECONDS = 5.0
"""Time limit of a request while a worker is replaced, besides what the model needs."""
_SLOWER = 3
"""How much longer than the server's start the start of a worker may take."""


def _run(subject: Subject) -> Iterator[Finding]:
    if subject.url:
        running = RunningServer(subject)
        yield next(inconclusive(PING, running.payload_problem)) if running.payload_problem else _pinged(running)
        yield from (not_applicable(point, ONLY_A_CONTAINER) for point in (REPLACED, NOT_WRITTEN))
        return
    conditions = replace(Conditions.of(subject.profile, subject.environment), model_read_only=False)
    with start_container(subject, "load", conditions) as start:
        served = start.served
        if served is None:
            yield from inconclusive(POINTS, start.reason)
            return
        copy = subject.scratch / "load" / "copy"
        if served.payload_problem:
            yield from inconclusive(PING, served.payload_problem)
        else:
            yield _pinged(served)
        yield _killed(served)
        if subject.model is None:
            yield from inconclusive(NOT_WRITTEN, NO_MODEL)
        else:
            changed = sorted({path for path, _ in _tree(copy) ^ _tree(subject.model)})
            yield passed_if(
                NOT_WRITTEN, not changed, f"written: {', '.join(changed)[:200]}" if changed else "it is unchanged"
            )


def _tree(folder: Path) -> set[tuple[str, tuple[int, int]]]:
    """Return the files below *folder* with their sizes in bytes and modification times in ns."""
    # Python's cache of a model's own code costs nothing where it cannot be written; AWS's own packages import such code
    paths = [path for path in folder.rglob("*") if path.is_file() and path.parent.name != "__pycache__"]
    return {(str(path.relative_to(folder)), (path.stat().st_size, path.stat().st_mtime_ns)) for path in paths}


@contextmanager
def _loaded(served: ServingContainer, clients: int, seconds: float | None = None) -> Iterator[list[wire.Answer]]:
    """Send requests from *clients* threads without a pause; the list grows by their answers."""
    answers: list[wire.Answer] = []
    done = threading.Event()

    def invoke_until_done() -> None:
        while not done.is_set():
            answers.append(served.invoke(served.payload, seconds))
            if not answers[-1].status:
                time.sleep(0.1)

    with ThreadPoolExecutor(clients) as pool:
        for _ in range(clients):
            pool.submit(invoke_until_done)
        try:
            yield answers
        finally:
            done.set()


def _pinged(served: ServingContainer) -> Finding:
    idle = ping_twice(served)
    if not _in_time(served, idle):
        return next(inconclusive(PING, f"/ping without load: {idle}"))
    worst, count = _worst_under_load(served)
    if not _in_time(served, worst):  # perhaps the machine was busy: try again
        worst, count = _worst_under_load(served)
    observed = f"{worst} beside {counted(count, 'request')}"
    if worst.ok and served.limits.ping_seconds < worst.seconds <= 2 * served.limits.ping_seconds:
        return warning(PING, f"{observed}; a faster machine may be in time")
    return passed_if(PING, _in_time(served, worst), observed)


def _in_time(served: ServingContainer, ping: wire.Answer) -> bool:
    return ping.ok and not is_late(served, ping)


def _worst_under_load(served: ServingContainer) -> tuple[wire.Answer, int]:
    pings = []
    with _loaded(served, _CLIENTS) as answers:
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            pings.append(served.ping())
            time.sleep(0.1)
    return max(pings, key=lambda ping: (not ping.ok, ping.seconds)), len(answers)


def _killed(served: ServingContainer) -> Finding:
    before = served.endpoint.processes()
    if len(before) < 2:
        return not_applicable(
            REPLACED, "there is only one process" if before else "the processes of the container cannot be read"
        )
    if served.payload_problem:
        return next(inconclusive(REPLACED, served.payload_problem))
    return _replaced(served, before)


def _replaced(served: ServingContainer, before: list[Process]) -> Finding:
    # a slow model answers slowly, and a server that starts slowly replaces slowly
    answer_seconds = _ANSWER_SECONDS + of_the_model(served)
    replaced_seconds = max(_REPLACED_SECONDS, _SLOWER * served.seconds)
    with _loaded(served, 2, answer_seconds):
        time.sleep(_WORK_SECONDS)
        worker = busiest_child(before, served.endpoint.processes())
        if worker is None:
            return not_applicable(REPLACED, "process 1, or one with children, does the work; the others are idle")
        if not served.endpoint.kill(worker):
            return next(inconclusive(REPLACED, "only root may kill the container's processes"))
        start = time.monotonic()
        while time.monotonic() - start < replaced_seconds:
            time.sleep(0.2)
            if not served.endpoint.alive:
                return passed_if(
                    REPLACED, True, f"the container ended with exit code {served.endpoint.process.returncode}"
                )
            if _recovered(served, before, worker, answer_seconds):
                return passed_if(REPLACED, True, f"replaced within {time.monotonic() - start:.1f} s")
        answer = served.invoke(served.payload, answer_seconds)
    count, ping = len(served.endpoint.processes()), served.ping()
    observed = f"{count} of {len(before)} processes {replaced_seconds:.0f} s later, a request {answer}, /ping {ping}"
    # if /ping fails, the platform replaces the instance, which takes minutes
    return warning(REPLACED, observed) if answer.ok or not ping.ok else passed_if(REPLACED, False, observed)


def _recovered(served: ServingContainer, before: list[Process], killed: Process, seconds: float) -> bool:
    now = served.endpoint.processes()
    replaced = len(now) >= len(before) and killed.pid not in {process.pid for process in now}
    return replaced and all(served.invoke(served.payload, seconds).ok for _ in range(os.cpu_count() or 1))


SCENARIOS = (Scenario("load, and a worker killed under it", POINTS, _run, exclusive=True, at_url=True),)
