"""Points of optional features: metrics, bidirectional streaming, batch transform."""

import base64
import hashlib
import json
import os
from collections.abc import Iterator

from local_test.check.core.points import (
    Finding,
    Part,
    Payload,
    Point,
    Verdict,
    counted,
    inconclusive,
    not_applicable,
    passed_if,
)
from local_test.check.hosting.support import sources, wire
from local_test.check.hosting.support.served import ServingContainer
from local_test.check.image.labels import BIDIRECTIONAL, has_label
from local_test.platform.profiles import Profile, forward_headers

_BATCH = 'developer guide, "Custom Inference Code with Batch Transform"'
METRICS = Point(
    "H15-metrics",
    Part.HOSTING,
    "/metrics returns the Prometheus text format, or 404",
    "API, ContainerDefinition, ContainerMetricsConfig: read only by endpoints with detailed observability",
    "return the Prometheus text format from /metrics, or remove the route",
    level=Verdict.WARNING,
)
PARAMETERS = Point(
    "H11-execution-parameters",
    Part.HOSTING,
    "/execution-parameters returns JSON with MaxConcurrentTransforms, BatchStrategy, MaxPayloadInMB, or 404",
    _BATCH,
    "return integers, and SINGLE_RECORD or MULTI_RECORD as BatchStrategy, or remove the route",
    frozenset({Profile.BATCH}),
)
LINES = Point(
    "H11-line-by-line",
    Part.HOSTING,
    "a response has as many lines as its request",
    f"{_BATCH}; only a job with MultiRecord or JoinSource needs it",
    "return one line per line of the body, in order, with a line end after the last one",
    frozenset({Profile.BATCH}),
    level=Verdict.WARNING,
)
BOTH_WAYS = Point(
    "H17-bidirectional",
    Part.HOSTING,
    "with the label bidirectional-streaming, /invocations-bidirectional-stream accepts a WebSocket",
    f"{sources.GUIDE}, bidirectional streaming",
    "serve /invocations-bidirectional-stream as a WebSocket, or remove the label",
    frozenset(Profile) - {Profile.MULTI_MODEL},
)
POINTS = (METRICS, BOTH_WAYS, PARAMETERS, LINES)
LINE_TYPES = ("text/csv", "application/jsonlines", "application/x-ndjson", "application/jsonl", "text/plain")
_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3
_COPIES = 3


def judge(served: ServingContainer) -> Iterator[Finding]:
    """Test each feature that applies to the profile."""
    yield _metrics(served)
    yield _both_ways(served)
    if served.subject.profile is Profile.BATCH:
        yield _parameters(served)
        if served.payload_problem:
            yield from inconclusive(LINES, served.payload_problem)
        else:
            yield _lines(served, served.payload)


def _metrics(served: ServingContainer) -> Finding:
    answer = wire.request(served.address, "GET", "/metrics", seconds=10)
    if answer.client_error:
        return not_applicable(METRICS, answer)
    from prometheus_client.parser import text_string_to_metric_families

    if not answer.ok:
        return passed_if(METRICS, False, answer)
    try:
        families = list(text_string_to_metric_families(answer.body.decode()))
    except ValueError as error:
        return passed_if(METRICS, False, f"{answer}, not the Prometheus text format: {str(error)[:100]}")
    return passed_if(METRICS, bool(families), f"{answer} with {counted(len(families), 'metric')}")


def _both_ways(served: ServingContainer) -> Finding:
    if not has_label(served.subject, BIDIRECTIONAL):
        return not_applicable(BOTH_WAYS, "the label bidirectional-streaming is not set")
    key = base64.b64encode(os.urandom(16)).decode()
    lines = [
        "GET /invocations-bidirectional-stream HTTP/1.1", "Host: model", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", "",
    ]  # fmt: skip
    answer = wire.send_raw(served.address, "\r\n".join(lines).encode())
    expected = base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()).decode()
    accepted = answer.status == 101 and answer.headers.get("sec-websocket-accept") == expected
    return passed_if(
        BOTH_WAYS, accepted, answer if accepted or answer.status != 101 else "101 with a wrong Sec-WebSocket-Accept"
    )


def _parameters(served: ServingContainer) -> Finding:
    answer = wire.request(served.address, "GET", "/execution-parameters", headers=forward_headers({}), seconds=10)
    if answer.client_error:
        return not_applicable(PARAMETERS, answer)
    try:
        parameters = json.loads(answer.body) if answer.ok else None
    except ValueError:
        parameters = None
    valid = (
        isinstance(parameters, dict)
        and all(type(parameters.get(name, 1)) is int for name in ("MaxConcurrentTransforms", "MaxPayloadInMB"))
        and parameters.get("BatchStrategy", "SINGLE_RECORD") in ("SINGLE_RECORD", "MULTI_RECORD")
        and bool(parameters)
    )
    return passed_if(PARAMETERS, valid, f"{answer}: {answer.body[:150].decode(errors='replace')}")


def _lines(served: ServingContainer, payload: Payload) -> Finding:
    kind = payload.content_type.partition(";")[0].strip().lower()
    if kind not in LINE_TYPES:
        return next(inconclusive(LINES, f"the payload is {kind}, which is not line-based"))
    lines = payload.body.rstrip(b"\r\n").split(b"\n") * _COPIES
    many = Payload(b"\n".join(lines) + b"\n", payload.content_type)
    answer = served.invoke(many, extra={"Accept": kind})
    if answer.status == 406:
        return not_applicable(LINES, f"the server does not return {kind}")
    back = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.ok and back not in LINE_TYPES:
        return not_applicable(LINES, f"the server returns {back or 'no content type'}, which is not line-based")
    count = len(answer.body.rstrip(b"\r\n").split(b"\n"))
    return passed_if(
        LINES, answer.ok and count == len(lines), f"{answer}: {counted(len(lines), 'line')} in, {count} out"
    )
