"""Points about connections: chunked bodies, keep-alive, slow clients, the accept queue."""

import contextlib
import http.client
import time
from collections.abc import Iterator

from local_test.check.core.points import Finding, Part, Payload, Point, Verdict, inconclusive, not_applicable, passed_if
from local_test.check.hosting.support import sources, wire
from local_test.check.hosting.support.served import ServingContainer
from local_test.platform.profiles import forward_headers

CHUNKED = Point(
    "H4-chunked-body",
    Part.HOSTING,
    "a chunked body is read like one with a Content-Length, or gets a 4xx",
    "RFC 9112, 7.1",
    "put a web server in front that decodes chunked bodies, or return 411",
)
KEPT = Point(
    "H4-kept-connection",
    Part.HOSTING,
    "a connection serves another request after a rejected one, or the response announces that it closes",
    "RFC 9112, 9.3; the platform keeps connections open",
    "read the body of a rejected request to its end, or send Connection: close",
)
HALF_SENT = Point(
    "H4-half-sent-body",
    Part.HOSTING,
    "4 clients that stop in the middle of a body do not block other requests",
    f"{sources.PING}: within 2 s; that the platform has such clients is not documented",
    "use threads or an event loop, or put a proxy in front that buffers bodies, such as nginx",
    level=Verdict.WARNING,
)
SLOW_READER = Point(
    "H4-slow-reader",
    Part.HOSTING,
    "4 clients that do not read their responses do not block other requests",
    f"{sources.PING}: within 2 s; that the platform has such clients is not documented",
    "hold no lock while a response is written",
    level=Verdict.WARNING,
)
ACCEPT = Point(
    "H4-accept-in-time",
    Part.HOSTING,
    "each of 32 simultaneous connections is accepted within 250 ms",
    f"{sources.RESPONDS}: must accept socket connection requests within 250 ms",
    "give the listening socket a backlog of 128 or more",
)
POINTS = (CHUNKED, KEPT, HALF_SENT, SLOW_READER, ACCEPT)
_SLOW, _AT_ONCE = 4, 32
_PATIENCE = 20.0
"""Seconds that another request may take beside the slow clients; the platform's 60 s would take too long here."""
_READER_BYTES = 16_000


def judge(served: ServingContainer) -> Iterator[Finding]:
    """Connect as unusual and slow clients do."""
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
                yield passed_if(point, False, f"no connection could be opened: {error}")
            else:
                yield _others(served, point)
    yield _accepted(served)


def _chunked(served: ServingContainer, payload: Payload) -> Finding:
    half = len(payload.body) // 2
    pieces = iter([piece for piece in (payload.body[:half], payload.body[half:]) if piece])
    headers = forward_headers({"Content-Type": payload.content_type})
    answer = wire.request(served.address, "POST", served.path, pieces, headers, seconds=_PATIENCE)
    return not_applicable(CHUNKED, answer) if answer.client_error else passed_if(CHUNKED, answer.ok, answer)


def _kept(served: ServingContainer, payload: Payload) -> Finding:
    connection = http.client.HTTPConnection(*served.address, timeout=_PATIENCE)
    with contextlib.closing(connection):
        wrong = forward_headers({"Content-Type": "application/x-contract-check"})
        first = wire.request_on(connection, "POST", served.path, payload.body, wrong)
        if first.closes:
            return passed_if(KEPT, True, f"{first}, closed as announced")
        connection.auto_open = 0  # no second connection for the second request
        second = wire.request_on(
            connection, "POST", served.path, payload.body, forward_headers({"Content-Type": payload.content_type})
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
    # unread responses to many pipelined requests fill the buffers; only whole requests, and no more than a buffer holds
    requests = request * max(1, _READER_BYTES // len(request))
    for _ in range(_SLOW):
        stack.enter_context(wire.connect(served.address, receive_bytes=2048)).sendall(requests)
    time.sleep(0.3)


def _others(served: ServingContainer, point: Point) -> Finding:
    ping = served.ping(seconds=_PATIENCE)
    in_time, observed = ping.ok and ping.seconds <= served.limits.ping_seconds, f"/ping: {ping}"
    if not served.payload_problem:
        answer = served.invoke(served.payload, seconds=_PATIENCE)
        in_time, observed = in_time and answer.ok, f"{observed}; a prediction: {answer}"
    return passed_if(point, in_time, observed)


def _accepted(served: ServingContainer) -> Finding:
    seconds = []
    with contextlib.ExitStack() as stack:
        try:
            for _ in range(_AT_ONCE):
                start = time.monotonic()
                stack.enter_context(wire.connect(served.address, seconds=1))
                seconds.append(time.monotonic() - start)
        except OSError as error:
            return passed_if(ACCEPT, False, f"connection {len(seconds) + 1} failed: {error}")
    return passed_if(
        ACCEPT, max(seconds) <= served.limits.accept_seconds, f"the slowest took {1000 * max(seconds):.0f} ms"
    )
