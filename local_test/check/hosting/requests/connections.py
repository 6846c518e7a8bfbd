"""Points about connections: keep-alive, slow clients, the accept queue."""

import contextlib
import http.client
import select
import time
from collections.abc import Iterator

from local_test.check.core.points import Finding, Part, Payload, Point, Verdict, inconclusive, passed_if
from local_test.check.hosting.support import sources, wire
from local_test.check.hosting.support.patience import is_late, patience, ping_twice
from local_test.check.hosting.support.served import ServingContainer
from local_test.platform.profiles import forward_headers

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
POINTS = (KEPT, HALF_SENT, SLOW_READER, ACCEPT)
_SLOW, _AT_ONCE = 4, 32
_READER_BYTES = 16_000
_ACCEPT_SECONDS = 4.0


def judge(served: ServingContainer) -> Iterator[Finding]:
    """Connect as unusual and slow clients do."""
    if served.payload_problem:
        yield from inconclusive(KEPT, served.payload_problem)
    else:
        yield _kept(served, served.payload)
    idle = ping_twice(served)
    for point, clients in ((HALF_SENT, _half_sent), (SLOW_READER, _slow_readers)):
        if is_late(served, idle):
            yield from inconclusive(point, f"/ping without such clients: {idle}")
            continue
        with contextlib.ExitStack() as stack:
            try:
                clients(served, stack)
            except OSError as error:
                yield passed_if(point, False, f"no connection could be opened: {error}")
            else:
                yield _others(served, point)
    yield _accepted(served)


def _kept(served: ServingContainer, payload: Payload) -> Finding:
    connection = http.client.HTTPConnection(*served.address, timeout=patience(served))
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
    return wire.post_head(served.path, length, {"Content-Type": served.content_type})


def _half_sent(served: ServingContainer, stack: contextlib.ExitStack) -> None:
    for _ in range(_SLOW):
        stack.enter_context(wire.connect(served.address)).sendall(_head(served, 100_000) + b"{" * 1000)


def _slow_readers(served: ServingContainer, stack: contextlib.ExitStack) -> None:
    body = served.subject.payload.body if served.subject.payload else b"{}"
    request = _head(served, len(body)) + body
    # unread responses to many pipelined requests fill the buffers; only whole requests, and no more than a buffer holds
    requests = request * max(1, _READER_BYTES // len(request))
    readers = [stack.enter_context(wire.connect(served.address, receive_bytes=2048)) for _ in range(_SLOW)]
    for reader in readers:
        reader.sendall(requests)
    select.select(readers, [], [], patience(served))  # until the server writes to one of them


def _others(served: ServingContainer, point: Point) -> Finding:
    ping = ping_twice(served)
    in_time, observed = ping.ok and not is_late(served, ping), f"/ping: {ping}"
    if not served.payload_problem:
        answer = served.invoke(served.payload, patience(served))
        in_time, observed = in_time and answer.ok, f"{observed}; a prediction: {answer}"
    return passed_if(point, in_time, observed)


def _accepted(served: ServingContainer) -> Finding:
    seconds, dropped = [0.0], 0
    with contextlib.ExitStack() as stack:
        try:
            for _ in range(_AT_ONCE):
                start = time.monotonic()
                connection = stack.enter_context(wire.connect(served.address, seconds=_ACCEPT_SECONDS))
                seconds.append(time.monotonic() - start)
                dropped += wire.retransmissions(connection) > 0
        except OSError as error:
            return passed_if(ACCEPT, False, f"connection {len(seconds)} failed: {error}")
    observed = f"the slowest took {1000 * max(seconds):.0f} ms"
    # without a packet that was dropped and sent again, the machine was slow and not the queue full
    late = max(seconds) > served.limits.accept_seconds and dropped
    return passed_if(ACCEPT, not late, f"{observed}; {dropped} waited until the queue had space" if late else observed)
