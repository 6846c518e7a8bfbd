"""Points about invalid requests: the response is a short 4xx, and the server keeps running."""

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
    warning,
)
from local_test.check.hosting.support import wire
from local_test.check.hosting.support.patience import patience
from local_test.check.hosting.support.served import ServingContainer

_MODEL_ERROR = "API, InvokeEndpoint, ModelError: OriginalStatusCode and OriginalMessage reach the client"
_CLIENTS_FAULT = f"{_MODEL_ERROR}; a 5xx is a warning: AWS's sagemaker-inference 1.10.1 sends one, measured"
CONTENT_TYPE = Point(
    "H7-bad-content-type",
    Part.HOSTING,
    "an unsupported content type gets a 4xx",
    _CLIENTS_FAULT,
    "return 415 for a content type that you do not support: clients retry a 5xx, and alarms count it",
)
BROKEN_BODY = Point(
    "H7-broken-body",
    Part.HOSTING,
    "a body that cannot be decoded gets a 4xx",
    _CLIENTS_FAULT,
    "catch the decoder's exceptions and return 400",
)
EMPTY_BODY = Point(
    "H7-empty-body",
    Part.HOSTING,
    "an empty body gets a 4xx",
    _CLIENTS_FAULT,
    "return 400 for an empty body",
)
SHORT = Point(
    "H7-short-error",
    Part.HOSTING,
    "the body of an error response has at most 2048 characters",
    f"{_MODEL_ERROR}; OriginalMessage is cut there",
    "return one sentence that says what is wrong, and log the details",
    level=Verdict.WARNING,
)
NO_TRACEBACK = Point(
    "H7-no-traceback",
    Part.HOSTING,
    "the body of an error response contains no traceback",
    f"{_MODEL_ERROR}; sagemaker-inference 1.10.1 sends a traceback, measured",
    "log the traceback, and return one sentence that says what is wrong",
    level=Verdict.WARNING,
)
MALFORMED = Point(
    "H4-malformed-request",
    Part.HOSTING,
    "a request with a malformed header gets a 4xx or a closed connection, and /ping then returns 200",
    "RFC 9112, 2.2, 5.1 and 6.3; the platform sends no such request, but clients in one's own network may",
    "let a widely used web server parse the headers, and validate those that your code reads",
    level=Verdict.WARNING,
)
POINTS = (CONTENT_TYPE, BROKEN_BODY, EMPTY_BODY, SHORT, NO_TRACEBACK, MALFORMED)
_GARBAGE = b"\xffcontract check\x00\x80{[<" * 10
_TRACES = (b"Traceback (most recent call last)", b'File "/', b"\tat ", b"goroutine ", b"panicked at")
_MALFORMED = {
    "a Content-Length that is not a number": ("Content-Length: abc", False),
    "a negative Content-Length": ("Content-Length: -1", False),
    "a header without a colon": ("Content-Length: {length}\r\nX-Contract-Check", True),
    "a header of 100 kB": (f"Content-Length: {{length}}\r\nX-Contract-Check: {'a' * 100_000}", True),
}
"""By name, the lines of a head, and whether a server may ignore them and answer."""


def judge(served: ServingContainer) -> Iterator[Finding]:
    """Send invalid requests, the least harmful first."""
    yield _refused(served, CONTENT_TYPE, Payload(b"contract check", "application/x-contract-check"))
    yield _refused(served, BROKEN_BODY, Payload(_GARBAGE, served.content_type))
    yield _refused(served, EMPTY_BODY, Payload(b"", served.content_type))
    if not served.refusals:
        yield from inconclusive((SHORT, NO_TRACEBACK), "no request got an error response")
    else:
        longest = max(len(answer.body.decode(errors="replace")) for answer in served.refusals)
        yield passed_if(
            SHORT,
            longest <= 2048,
            f"{counted(longest, 'character')} in the longest of {counted(len(served.refusals), 'error response')}",
        )
        traces = [trace for answer in served.refusals for trace in _TRACES if trace in answer.body]
        count = len(served.refusals)
        observed = f"a body contains {traces[0].decode()!r}" if traces else f"none in {count} error responses"
        yield passed_if(NO_TRACEBACK, not traces, observed)
    yield _malformed(served)


def _refused(served: ServingContainer, point: Point, payload: Payload) -> Finding:
    answer = served.invoke(payload)
    if 200 <= answer.status < 300:
        return not_applicable(point, f"{answer}: the server accepts it")
    # a response reached the client; without one the process may have ended
    return warning(point, answer) if answer.status >= 500 else passed_if(point, answer.client_error, answer)


def _malformed(served: ServingContainer) -> Finding:
    """Send each malformed head with the payload, and then the end of the connection, so that no server waits for more.

    A server may also close the connection: whether its response still arrives is a race.
    """
    if served.payload_problem:
        return next(inconclusive(MALFORMED, served.payload_problem))
    faults = []
    body = served.payload.body
    for name, (lines, unread) in _MALFORMED.items():
        head = f"POST {served.path} HTTP/1.1\r\nHost: model\r\nContent-Type: {served.content_type}\r\n{lines}\r\n\r\n"
        text = head.format(length=len(body)).encode() + body
        answer = wire.send_raw(served.address, text, ends=True, seconds=patience(served))
        closed = answer.problem in (wire.CLOSED, wire.BROKE_OFF)
        if not (answer.client_error or closed or (unread and answer.ok)):
            faults.append(f"{name}: {answer}")
    if not served.healthy():
        faults.append("/ping does not return 200 afterwards")
    return passed_if(MALFORMED, not faults, "; ".join(faults) or f"all {len(_MALFORMED)} were rejected or ignored")
