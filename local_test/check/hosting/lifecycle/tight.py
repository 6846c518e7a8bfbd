"""Points of a container with restrictions: no network, a full /tmp, an assigned port."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from local_test.check.core.points import (
    Finding,
    Part,
    Payload,
    Point,
    Scenario,
    Subject,
    Verdict,
    counted,
    inconclusive,
    not_applicable,
    passed_if,
)
from local_test.check.hosting.support.served import ServingContainer, Start, start_container
from local_test.check.image.labels import BIND_TO_PORT, has_label
from local_test.platform.profiles import Conditions

_PIPELINE = 'developer guide, "Real-time Predictions with an Inference Pipeline"'
BIND = Point(
    "H2-bind-to-port",
    Part.HOSTING,
    "with the label accept-bind-to-port, the server listens on the port in SAGEMAKER_BIND_TO_PORT",
    _PIPELINE,
    "read the port from SAGEMAKER_BIND_TO_PORT (default 8080), or remove the label",
)
RANGE = Point(
    "H2-safe-port-range",
    Part.HOSTING,
    "with the label accept-bind-to-port, all other ports are within SAGEMAKER_SAFE_PORT_RANGE",
    f"{_PIPELINE}; it matters only if two containers choose the same port",
    "choose further ports from SAGEMAKER_SAFE_PORT_RANGE: the containers of a pipeline share their ports",
    level=Verdict.WARNING,
)
NETWORK = Point(
    "H19-no-network",
    Part.HOSTING,
    "the server starts and responds without a network, where no host name resolves",
    'developer guide, "Run Training and Inference Containers in Internet-Free Mode": with network isolation only',
    "install and download when the image is built, not when the container starts",
    level=Verdict.WARNING,
)
DISK = Point(
    "H14-full-disk",
    Part.HOSTING,
    "with 3 MB of space in /tmp, the server starts, serves the payload, and responds to a body of 4 MB",
    "aws/sagemaker-pytorch-inference-toolkit issue 112: no space left on device; endpoints have gigabytes in /tmp",
    "keep bodies and heartbeats in memory, for example gunicorn's worker_tmp_dir in /dev/shm",
    level=Verdict.WARNING,
)
POINTS = (BIND, RANGE, NETWORK, DISK)
_PORT, _RANGE = 8090, range(8090, 8100)
_TMP_BYTES = 3 * 2**20
"""Less than the body, and enough for what a server keeps there: mosec 0.9.8 has 2.05 MB of web pages, measured."""


def _run(subject: Subject) -> Iterator[Finding]:
    if subject.image is None:
        yield from inconclusive(POINTS, "only a container shows this")
        return
    assigned = has_label(subject, BIND_TO_PORT)
    conditions = Conditions.of(subject.profile, subject.environment)
    conditions = replace(conditions, network=False, tmp_bytes=_TMP_BYTES)
    if assigned:
        port = {"SAGEMAKER_BIND_TO_PORT": f"{_PORT}", "SAGEMAKER_SAFE_PORT_RANGE": f"{_RANGE[0]}-{_RANGE[-1]}"}
        conditions = replace(conditions, port=_PORT, environment={**conditions.environment, **port})
    suspects: dict[Point, dict[str, Any]] = {NETWORK: {"network": True}, DISK: {"tmp_bytes": None}}
    with start_container(subject, "tight", conditions, suspects) as start:
        yield from _ports(start, assigned)
        for finding in start.findings:
            if finding.point is DISK and start.served and finding.verdict is Verdict.PASSED:
                yield _full(start.served)
            else:
                yield finding


def _ports(start: Start, assigned: bool) -> Iterator[Finding]:
    if not assigned:
        yield from (not_applicable(point, "the label accept-bind-to-port is not set") for point in (BIND, RANGE))
        return
    if start.served is None:
        yield from inconclusive((BIND, RANGE), start.reason)
        return
    port = start.served.endpoint.port
    yield passed_if(BIND, port == _PORT, f"it listens on {port}; SAGEMAKER_BIND_TO_PORT is {_PORT}")
    listening = start.served.endpoint.listening()
    others = [f"{address}:{number}" for address, number in listening if number not in _RANGE and number != port]
    if listening:
        yield passed_if(
            RANGE,
            not others,
            ", ".join(others) or f"{counted(len(listening), 'listening socket')}, none outside the range",
        )
    else:
        yield from inconclusive(RANGE, "the sockets of the container cannot be read")


def _full(served: ServingContainer) -> Finding:
    if served.payload_answer is None or 400 <= served.payload_answer.status < 500:  # which no disk causes
        return next(inconclusive(DISK, served.payload_problem))
    payload = served.payload
    observed = f"the payload: {served.payload_answer}"
    large = served.invoke(Payload(payload.body.ljust(4 * 10**6 - 1), payload.content_type))
    return passed_if(
        DISK, not served.payload_problem and large.status > 0 and served.healthy(), f"{observed}; 4 MB: {large}"
    )


SCENARIOS = (Scenario("no network, a full disk, another port", POINTS, _run),)
