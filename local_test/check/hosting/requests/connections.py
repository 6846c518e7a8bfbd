"""Points about connections: how bodies are framed, connections kept, slow clients borne."""

import contextlib
import http.client
import time
from collections.abc import Iterator

from local_test.check.core.points import Finding, Part, Payload, Point, inconclusive, not_applicable, passed_if
from local_test.check.hosting.support import wire
from local_test.check.hosting.support.served import GUIDE, ServingContainer
from local_test.platform.profiles import forwarded_headers

CHUNKED = Point(
    "H4-chunked-body",
    Part.HOSTING,
    "a body in chunks is read as one with a length, or refused by a 4xx",
    "RFC 9112, 7.1",
    "put a web server in front that reads chunks, or answer 411",
)
KEPT = Point(
    "H4-kept-connection",
    Part.HOSTING,
    "a connection serves a second request after a refused one, or is closed as said",
    "RFC 9112, 9.3; the platform keeps connections",
    "read a refused request's body to its end, or answer with Connection: close",
)
HALF_SENT = Point(
    "H4-half-sent-body",
    Part.HOSTING,
    "4 clients that stop in the middle of a body hold nobody else up",
    f"{GUIDE}: /ping has 2 s, whatever else goes on",
    "serve with threads or events, or buffer bodies in front, as nginx does",
)
SLOW_READER = Point(
    "H4-slow-reader",
    Part.HOSTING,
    "4 clients that do not read their answers hold nobody else up",
    f"{GUIDE}: /ping has 2 s, whatever else goes on",
    "hold no lock while an answer is written",
)
ACCEPT = Point(
    "H4-accept-in-time",
    Part.HOSTING,
    "32 connections at once are each accepted within 250 ms",
    GUIDE,
    "give the listening socket a backlog of 128 or more",
)
POINTS = (CHUNKED, KEPT, HALF_SENT, SLOW_READER, ACCEPT)
_SLOW, _AT_ONCE = 4, 32
_PATIENCE = 20.0
"""Seconds that another request may take beside the slow ones: the platform's 60 would make a long check of it."""
_READER_BYTES = 16_000


def judge(served: ServingContainer) -> Iterator[Finding]:
    """Connect as clients do that are odd or slow."""
    if served.payload_problem:
        yield from inconclusive((CHUNKED, KEPT), served.payload_problem)
    else:
        yield _chunked(served, served.payload)
        yield _kept(served, served.payload)
    for point, clients in ((HALF_SENT, _half_sent), (SLOW_READER, _slow_readers)):
        with contextlib.ExitStack() as stack:
            try:
                clients(served, stack)
            except OSError as error:
                yield passed_if(point, False, f"no connection: {error}")
            else:
                yield _others(served, point)
    yield _accepted(served)


def _chunked(served: ServingContainer, payload: Payload) -> Finding:
    half = len(payload.body) // 2
    pieces = iter([piece for piece in (payload.body[:half], payload.body[half:]) if piece])
    headers = forwarded_headers({"Content-Type": payload.content_type})
    answer = wire.request(served.address, "POST", served.path, pieces, headers, seconds=_PATIENCE)
    return not_applicable(CHUNKED, answer) if answer.client_error else passed_if(CHUNKED, answer.ok, answer)


def _kept(served: ServingContainer, payload: Payload) -> Finding:
    connection = http.client.HTTPConnection(*served.address, timeout=_PATIENCE)
    with contextlib.closing(connection):
        wrong = forwarded_headers({"Content-Type": "application/x-contract-check"})
        first = wire.request_on(connection, "POST", served.path, payload.body, wrong)
        if first.closes:
            return passed_if(KEPT, True, f"{first}, closed as said")
        connection.auto_open = 0  # the second goes the same way or not at all
        second = wire.request_on(
            connection, "POST", served.path, payload.body, forwarded_headers({"Content-Type": payload.content_type})
        )
    return passed_if(KEPT, second.ok, f"{first}, then on the same connection {second}")


def _head(served: ServingContainer, length: int) -> bytes:
    lines = [f"POST {served.path} HTTP/1.1", "Host: model", f"Content-Type: {served.content_type}"]
    return "\r\n".join([*lines, f"Content-Length: {length}", "", ""]).encode()


def _half_sent(served: ServingContainer, stack: contextlib.ExitStack) -> None:
    for _ in range(_SLOW):
        stack.enter_context(wire.connect(served.address)).sendall(_head(served, 100_000) + b"{" * 1000)


def _slow_readers(served: ServingContainer, stack: contextlib.ExitStack) -> None:
    body = served.subject.payload.body if served.subject.payload else b"{}"
    request = _head(served, len(body)) + body
    # many on one connection fill its buffers by answers that are not read; whole ones, and no more than a buffer holds
    requests = request * max(1, _READER_BYTES // len(request))
    for _ in range(_SLOW):
        stack.enter_context(wire.connect(served.address, receive_bytes=2048)).sendall(requests)
    time.sleep(0.3)


def _others(served: ServingContainer, point: Point) -> Finding:
    ping = served.ping(seconds=_PATIENCE)
    holds, observed = ping.ok and ping.seconds <= served.limits.ping_seconds, f"/ping {ping}"
    if not served.payload_problem:
        answer = served.invoke(served.payload, seconds=_PATIENCE)
        holds, observed = holds and answer.ok, f"{observed}, a prediction {answer}"
    return passed_if(point, holds, observed)


def _accepted(served: ServingContainer) -> Finding:
    seconds = []
    with contextlib.ExitStack() as stack:
        try:
            for _ in range(_AT_ONCE):
                start = time.monotonic()
                stack.enter_context(wire.connect(served.address, seconds=1))
                seconds.append(time.monotonic() - start)
        except OSError as error:
            return passed_if(ACCEPT, False, f"{error} at connection {len(seconds) + 1}")
    return passed_if(ACCEPT, max(seconds) <= served.limits.accept_seconds, f"{1000 * max(seconds):.0f} ms, the slowest")
