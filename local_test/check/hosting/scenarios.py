"""Scenarios of hosting, and the main one: start a container, send requests, stop it.

Points share one start where they do not disturb each other: the judges use the container one after the other, the
harmless ones first. Points that need other conditions, or no load beside them, have scenarios of their own.
"""

from collections.abc import Iterator
from typing import Any

from local_test.check.core.points import (
    ONLY_A_CONTAINER,
    Finding,
    Part,
    Point,
    Scenario,
    Subject,
    Verdict,
    inconclusive,
    not_applicable,
    passed_if,
)
from local_test.check.hosting.lifecycle import damaged_model, load, multi_model, serverless, stop, tight
from local_test.check.hosting.requests import bodies, connections, errors, features, invocations, ping
from local_test.check.hosting.support import sources
from local_test.check.hosting.support.running import RunningServer
from local_test.check.hosting.support.served import NO_MODEL, Judge, ServingContainer, Start, start_container
from local_test.platform.profiles import DEFAULT_PORT, Conditions, Profile

SERVE = Point(
    "H1-serve",
    Part.HOSTING,
    "`docker run IMAGE serve` starts a server that keeps running",
    sources.RUNS,
    "exit code 127: put a program `serve` on the PATH, or let the ENTRYPOINT accept the argument `serve`; 126: chmod +x"
    " it; an unexpected argument `serve`: put the command into a script `serve`; other codes: `docker run IMAGE serve`"
    " shows the log; give --model if it misses its model",
)
ROOT = Point(
    "H1-root",
    Part.HOSTING,
    "process 1 runs as root",
    f"{sources.GUIDE}: SageMaker AI expects all containers to run with root users",
    "remove USER from the Dockerfile",
)
ADDRESS = Point(
    "H2-address",
    Part.HOSTING,
    "the server listens on 0.0.0.0:8080",
    sources.RESPONDS,
    "bind to 0.0.0.0 instead of 127.0.0.1, and to port 8080",
)
READY = Point(
    "H3-ready-in-time",
    Part.HOSTING,
    "/ping returns 200 within 8 minutes of the start (3 minutes for serverless)",
    sources.PING,
    "404: add the route /ping; else load less at startup, or set ContainerStartupHealthCheckTimeoutInSeconds",
)
READ_ONLY_MODEL = Point(
    "H9-read-only-model",
    Part.HOSTING,
    "the server starts with a read-only /opt/ml/model",
    f"{sources.LOADS}; aws/sagemaker-tensorflow-serving-container issue 211",
    "write unpacked files and caches to /tmp",
)
VARIABLES = Point(
    "H10-variables",
    Part.HOSTING,
    "the server starts with the variables that the SDK sets: SAGEMAKER_REGION, SAGEMAKER_CONTAINER_LOG_LEVEL",
    "sagemaker 2.257.7, model.py",
    "ignore SAGEMAKER_* variables that you do not use; read the log level as a number, such as 20",
)
READ_ONLY_ROOT = Point(
    "H14-read-only-root",
    Part.HOSTING,
    "the server starts with a file system that is read-only except for /tmp",
    "aws/deep-learning-containers issue 3803",
    "write to /tmp only, and set HOME and cache folders to paths in it",
    frozenset({Profile.SERVERLESS}),
)
MEMORY = Point(
    "H14-memory",
    Part.HOSTING,
    "the server starts and serves with 2048 MB of memory and one worker",
    'developer guide, "Serverless Inference": memory of 1 to 6 GB, which the endpoint chooses',
    "load the model only once, or create the endpoint with a larger MemorySizeInMB",
    frozenset({Profile.SERVERLESS}),
    level=Verdict.WARNING,
)
_SUSPECTS: dict[Point, dict[str, Any]] = {
    READ_ONLY_MODEL: {"model_read_only": False},
    VARIABLES: {"sdk_variables": False},
    READ_ONLY_ROOT: {"root_read_only": False},
    MEMORY: {"memory_bytes": None},
}
_JUDGES: tuple[tuple[tuple[Point, ...], Judge], ...] = (
    (ping.POINTS, ping.judge),
    (invocations.POINTS, invocations.judge),
    (features.POINTS, features.judge),
    (bodies.POINTS, bodies.judge),
    (connections.POINTS, connections.judge),
    (errors.POINTS, errors.judge),
    (stop.POINTS, stop.judge),
)
_START = (SERVE, ROOT, ADDRESS, READY)
_POINTS = (*_START, *_SUSPECTS, *(point for points, _ in _JUDGES for point in points))


def _run(subject: Subject) -> Iterator[Finding]:
    if subject.url:
        yield from _requests_only(RunningServer(subject))
        return
    suspects = {point: fields for point, fields in _SUSPECTS.items() if subject.profile in point.profiles}
    if subject.model is None:
        suspects.pop(READ_ONLY_MODEL)
        yield from inconclusive(READ_ONLY_MODEL, NO_MODEL)
    with start_container(subject, "use", Conditions.of(subject.profile, subject.environment), suspects) as start:
        yield from _judge_start(subject, start)
        if start.served is None:
            yield from start.findings
            yield from inconclusive([point for points, _ in _JUDGES for point in points], start.reason)
            return
        for _, judge in _JUDGES:
            yield from judge(start.served)
        for finding in start.findings:
            memory = finding.point is MEMORY and start.served.endpoint.out_of_memory()
            yield (
                passed_if(MEMORY, False, "the kernel killed a process for lack of memory while it served")
                if memory
                else finding
            )


def _requests_only(served: ServingContainer) -> Iterator[Finding]:
    """Judge a server that runs already, which is not stopped."""
    ready = served.ping()
    if not ready.ok:
        yield passed_if(READY, False, f"/ping: {ready}")
        yield from inconclusive([point for points, _ in _JUDGES for point in points], f"/ping: {ready}")
        return
    for points, judge in _JUDGES:
        if points is not stop.POINTS:
            yield from judge(served)
    yield from (not_applicable(point, ONLY_A_CONTAINER) for point in (*_START, *_SUSPECTS, *stop.POINTS))


def _judge_start(subject: Subject, start: Start) -> Iterator[Finding]:
    """Distinguish a server that exited, one that cannot be reached and one that is not healthy."""
    if start.ended:
        yield passed_if(SERVE, False, start.reason)
        yield from inconclusive((ROOT, ADDRESS, READY), start.reason)
        return
    yield passed_if(SERVE, True, "it keeps running")
    yield from inconclusive(ROOT, "only a container shows this") if subject.image is None else _owner(start.served)
    answered = start.served is not None or (start.last_ping is not None and start.last_ping.status > 0)
    if subject.image is None:
        yield from inconclusive(ADDRESS, "a program on the host gets another port")
    else:
        unreachable = "it listens on 127.0.0.1 only" if start.loopback_only else start.reason
        yield passed_if(ADDRESS, answered, f"port {DEFAULT_PORT} responds" if answered else unreachable)
    if answered:
        yield passed_if(
            READY, start.served is not None, f"after {start.served.seconds:.1f} s" if start.served else start.reason
        )
    else:
        yield from inconclusive(READY, start.reason)


def _owner(served: ServingContainer | None) -> Iterator[Finding]:
    processes = served.endpoint.processes() if served else []
    if processes:
        yield passed_if(ROOT, processes[0].root, "it runs as root" if processes[0].root else "it runs as another user")
    else:
        yield from inconclusive(ROOT, "the processes of the container cannot be read")


SCENARIOS = (
    Scenario("requests, good and bad, and a stop", _POINTS, _run, at_url=True),
    *tight.SCENARIOS,
    *damaged_model.SCENARIOS,
    *multi_model.SCENARIOS,
    *serverless.SCENARIOS,
    *load.SCENARIOS,
)

NOT_CHECKABLE = {
    "H6": "sessions and the client's Custom-Attributes: a container need not support them",
    "H9": "links in model.tar.gz: the platform unpacks the archive before the container starts",
    "H10": "credentials: no service here provides them",
    "H13": "the limit of an hour per request, which would take an hour; bodies are sent up to 100 MB of 1 GB",
    "H15": "data capture: the platform does it outside the container",
    "H16": "the limit of 8 minutes per stream, which would take 8 minutes and a payload that streams so long",
    "H17": "5 missed ping frames, which take 5 minutes; the opening handshake is checked",
    "H18": "needs a GPU; the label of the image is checked",
    "H19": "private registries: the platform pulls the image",
    "H20": "done by the platform; it requires nothing of a container",
}
"""Maps an item of the checklist to the reason why it, or a part of it, is not checked."""
