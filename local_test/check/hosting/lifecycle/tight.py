"""Points of a container that has little: no network, a full /tmp, and a port that it is told."""

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
    inconclusive,
    not_applicable,
    passed_if,
)
from local_test.check.hosting.support.served import ServingContainer, Start, start_container
from local_test.check.image.labels import BIND_TO_PORT, has_label
from local_test.platform.profiles import Conditions

_PIPELINE = "developer guide, inference-pipeline-real-time"
BIND = Point(
    "H2-bind-to-port",
    Part.HOSTING,
    "with the label accept-bind-to-port it listens on SAGEMAKER_BIND_TO_PORT",
    _PIPELINE,
    "read the port from SAGEMAKER_BIND_TO_PORT, 8080 without it, or remove the label",
)
RANGE = Point(
    "H2-safe-port-range",
    Part.HOSTING,
    "with that label all other ports are in SAGEMAKER_SAFE_PORT_RANGE",
    _PIPELINE,
    "take further ports from SAGEMAKER_SAFE_PORT_RANGE: the containers of a pipeline share their ports",
)
NETWORK = Point(
    "H19-no-network",
    Part.HOSTING,
    "starts and answers without a network, where no name resolves",
    "developer guide, mkt-algo-model-internet-free",
    "install and download when the image is built, not when it starts",
)
DISK = Point(
    "H14-full-disk",
    Part.HOSTING,
    "with 1 MB in /tmp it starts, answers the payload, and answers 4 MB somehow",
    "aws/sagemaker-pytorch-inference-toolkit issue 112: no space left on device",
    "keep bodies and heartbeats in memory, such as gunicorn's worker_tmp_dir in /dev/shm",
)
POINTS = (BIND, RANGE, NETWORK, DISK)
_PORT, _RANGE = 8090, range(8090, 8100)


def _run(subject: Subject) -> Iterator[Finding]:
    if subject.image is None:
        yield from inconclusive(POINTS, "only a container has it")
        return
    told = has_label(subject, BIND_TO_PORT)
    conditions = Conditions.of(subject.profile, subject.environment)
    conditions = replace(conditions, network=False, tmp_bytes=2**20)
    if told:
        port = {"SAGEMAKER_BIND_TO_PORT": f"{_PORT}", "SAGEMAKER_SAFE_PORT_RANGE": f"{_RANGE[0]}-{_RANGE[-1]}"}
        conditions = replace(conditions, port=_PORT, environment={**conditions.environment, **port})
    suspects: dict[Point, dict[str, Any]] = {NETWORK: {"network": True}, DISK: {"tmp_bytes": None}}
    with start_container(subject, "tight", conditions, suspects) as start:
        yield from _ports(start, told)
        for finding in start.findings:
            if finding.point is DISK and start.served and finding.verdict is Verdict.PASSED:
                yield _full(start.served)
            else:
                yield finding


def _ports(start: Start, told: bool) -> Iterator[Finding]:
    if not told:
        yield not_applicable(BIND, "without the label")
        yield not_applicable(RANGE, "without the label accept-bind-to-port")
        return
    if start.served is None:
        yield from inconclusive((BIND, RANGE), start.reason)
        return
    port = start.served.endpoint.port
    yield passed_if(BIND, port == _PORT, f"listens on {port}, told {_PORT}")
    listening = start.served.endpoint.listening()
    others = [f"{address}:{number}" for address, number in listening if number not in _RANGE and number != port]
    if listening:
        yield passed_if(RANGE, not others, ", ".join(others) or f"{len(listening)} sockets, none outside of it")
    else:
        yield from inconclusive(RANGE, "its sockets cannot be observed")


def _full(served: ServingContainer) -> Finding:
    if served.payload_problem and served.payload_answer is None:
        return next(inconclusive(DISK, served.payload_problem))
    payload = served.payload
    observed = f"the payload {served.payload_answer}"
    large = served.invoke(Payload(payload.body.ljust(4 * 10**6 - 1), payload.content_type))
    return passed_if(
        DISK, not served.payload_problem and large.status > 0 and served.healthy(), f"{observed}, 4 MB {large}"
    )


SCENARIOS = (Scenario("no network, a full disk, another port", POINTS, _run),)
