"""The hosting half of the check: all scenarios, and the one in which a container is used as intended.

A start is shared by as many points as bear each other: the judges ask one container one after the other, harmless
things first; what needs other conditions, or quiet, is a scenario of its own.
"""

from collections.abc import Iterator
from typing import Any

from local_test.check.core.points import Finding, Part, Point, Scenario, Subject, inconclusive, passed_if
from local_test.check.hosting.lifecycle import damaged_model, load, multi_model, serverless, stop, tight
from local_test.check.hosting.requests import connections, errors, features, invocations, ping
from local_test.check.hosting.support.served import GUIDE, Judge, ServingContainer, Start, start_container
from local_test.platform.profiles import DEFAULT_PORT, Conditions, Profile

SERVE = Point(
    "H1-serve",
    Part.HOSTING,
    "`docker run IMAGE serve` starts and stays",
    GUIDE,
    "put a program `serve` on the PATH, or have the entry point take the argument",
)
ROOT = Point(
    "H1-root",
    Part.HOSTING,
    "process 1 is root's",
    f"{GUIDE}: SageMaker AI expects all containers to run with root users",
    "remove USER from the Dockerfile",
)
ADDRESS = Point(
    "H2-address",
    Part.HOSTING,
    "listens on 0.0.0.0:8080",
    GUIDE,
    "bind to 0.0.0.0, not to 127.0.0.1, and to port 8080",
)
READY = Point(
    "H3-ready-in-time",
    Part.HOSTING,
    "/ping is 200 within 8 minutes, serverless 3",
    GUIDE,
    "load less at the start, or set ContainerStartupHealthCheckTimeoutInSeconds",
)
READ_ONLY_MODEL = Point(
    "H9-read-only-model",
    Part.HOSTING,
    "starts with /opt/ml/model read-only",
    f"{GUIDE}; aws/sagemaker-tensorflow-serving-container issue 211",
    "unpack and cache below /tmp",
)
VARIABLES = Point(
    "H10-variables",
    Part.HOSTING,
    "starts with the variables that the SDK sets: SAGEMAKER_REGION, SAGEMAKER_CONTAINER_LOG_LEVEL",
    "sagemaker-python-sdk, Model",
    "ignore SAGEMAKER_* that you have no use for; the log level is a number, such as 20",
)
READ_ONLY_ROOT = Point(
    "H14-read-only-root",
    Part.HOSTING,
    "starts with a read-only file system but /tmp",
    "aws/deep-learning-containers issue 3803",
    "write below /tmp only, and point HOME and caches there",
    frozenset({Profile.SERVERLESS}),
)
MEMORY = Point(
    "H14-memory",
    Part.HOSTING,
    "starts and serves with 2048 MB and one worker",
    "developer guide, serverless-endpoints",
    "load the model once, and ask for an endpoint with more memory",
    frozenset({Profile.SERVERLESS}),
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
    (connections.POINTS, connections.judge),
    (errors.POINTS, errors.judge),
    (stop.POINTS, stop.judge),
)
_START = (SERVE, ROOT, ADDRESS, READY)
_POINTS = (*_START, *_SUSPECTS, *(point for points, _ in _JUDGES for point in points))


def _run(subject: Subject) -> Iterator[Finding]:
    suspects = {point: fields for point, fields in _SUSPECTS.items() if subject.profile in point.profiles}
    if subject.model is None:
        suspects.pop(READ_ONLY_MODEL)
        yield from inconclusive(READ_ONLY_MODEL, "the image holds its own model")
    with start_container(subject, "use", Conditions.of(subject.profile, subject.environment), suspects) as start:
        yield from _begun(subject, start)
        if start.served is None:
            yield from start.findings
            yield from inconclusive([point for points, _ in _JUDGES for point in points], start.reason)
            return
        for _, judge in _JUDGES:
            yield from judge(start.served)
        for finding in start.findings:
            memory = finding.point is MEMORY and start.served.endpoint.out_of_memory()
            yield passed_if(MEMORY, False, "out of memory while it served") if memory else finding


def _begun(subject: Subject, start: Start) -> Iterator[Finding]:
    """Tell apart what ended, what cannot be reached and what is not well."""
    if start.ended:
        yield passed_if(SERVE, False, start.reason)
        yield from inconclusive((ROOT, ADDRESS, READY), start.reason)
        return
    yield passed_if(SERVE, True, "stays")
    yield from inconclusive(ROOT, "only a container has it") if subject.image is None else _owner(start.served)
    answered = start.served is not None or (start.last_ping is not None and start.last_ping.status > 0)
    if subject.image is None:
        yield from inconclusive(ADDRESS, "a bare program is given another port")
    else:
        unheard = "listens on 127.0.0.1 only" if start.loopback_only else start.reason
        yield passed_if(ADDRESS, answered, f"port {DEFAULT_PORT} answers" if answered else unheard)
    if answered:
        yield passed_if(
            READY, start.served is not None, f"after {start.served.seconds:.1f} s" if start.served else start.reason
        )
    else:
        yield from inconclusive(READY, start.reason)


def _owner(served: ServingContainer | None) -> Iterator[Finding]:
    processes = served.endpoint.processes() if served else []
    if processes:
        yield passed_if(ROOT, processes[0].root, "root's" if processes[0].root else "another user's")
    else:
        yield from inconclusive(ROOT, "its processes cannot be observed")


SCENARIOS = (
    Scenario("requests, good and bad, and a stop", _POINTS, _run),
    *tight.SCENARIOS,
    *damaged_model.SCENARIOS,
    *multi_model.SCENARIOS,
    *serverless.SCENARIOS,
    *load.SCENARIOS,
)

NOT_CHECKABLE = {
    "H6": "sessions and what a client sends in Custom-Attributes: a container need not know them",
    "H9": "links in model.tar.gz: the platform has unpacked it before the container starts",
    "H10": "credentials: no service here hands them out",
    "H13": "an hour for a request would take an hour; bodies are sent up to 100 MB of 1 GB",
    "H15": "data capture is the platform's own doing, beside the container",
    "H16": "8 minutes of stream would take as long, and a payload that streams",
    "H17": "5 ping frames missed take 5 minutes; the opening of the stream is checked",
    "H18": "needs a GPU; what the image claims is read off it",
    "H19": "private registries: the platform pulls the image",
    "H20": "the platform's own doing; it asks nothing of a container",
}
"""Reasons by the item of the checklist, for it or the rest of it, why no run here finds out."""
