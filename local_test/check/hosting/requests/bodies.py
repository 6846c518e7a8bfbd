"""Points about bodies that are sent in unusual ways: in chunks, with an offer of HTTP/2, on kept connections.

A body counts as lost if the answer equals the one to an empty body and differs from the one to the same body with a
Content-Length.
"""

import contextlib
import http.client
import select
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from local_test.check.core.points import (
    Finding,
    Part,
    Payload,
    Point,
    Verdict,
    inconclusive,
    not_applicable,
    passed_if,
)
from local_test.check.hosting.requests.features import LINE_TYPES
from local_test.check.hosting.requests.invocations import filled
from local_test.check.hosting.support import wire
from local_test.check.hosting.support.patience import patience
from local_test.check.hosting.support.served import ServingContainer
from local_test.platform.profiles import forward_headers

CHUNKED = Point(
    "H4-chunked-body",
    Part.HOSTING,
    "a chunked body is read like one with a Content-Length, or gets a 4xx or 501",
    "RFC 9112, 7.1; Flask 3.1.3 behind a2wsgi 1.10.10 reads it as empty, with 200, measured",
    "return 411 without a Content-Length, or serve with a web server that decodes chunks; behind a2wsgi, set"
    " wsgi.input_terminated",
)
OFFERED = Point(
    "H4-h2c-offer",
    Part.HOSTING,
    "a body sent with an offer of HTTP/2 (Upgrade: h2c) is read like one without, or the server switches to HTTP/2",
    "RFC 9110, 7.8; uvicorn 0.54.0 with httptools loses the body, with 200, measured; the platform makes no offer, but"
    " curl --http2 and Java's HTTP client do",
    "ignore the offer: with uvicorn, use --http h11, or let a proxy remove the header Upgrade",
    level=Verdict.WARNING,
)
EVERY = Point(
    "H4-every-answer",
    Part.HOSTING,
    "each of 100 requests of 100 kB on 8 connections that stay open gets an answer",
    "RFC 9112, 9.3 and 9.6; gunicorn 27.0.1's asgi worker, where the application answers before it has read the body,"
    " closes the connection without announcing it, measured",
    "read each body to its end or send Connection: close; for gunicorn, use uvicorn's worker in place of asgi",
)
POINTS = (CHUNKED, OFFERED, EVERY)
_OFFER = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"}
_REQUESTS, _CONNECTIONS, _BYTES = 100, 8, 100_000
_EARLY_SECONDS, _EARLY_BYTES = 0.2, 10
"""How long an answer may come before the rest of the body is sent, and the bytes that are sent before."""
_LOAD_SECONDS = 10.0
"""How long the requests may take one after the other; a slow model gets fewer."""


def judge(served: ServingContainer) -> Iterator[Finding]:
    """Send the payload in each way."""
    if served.payload_problem:
        yield from inconclusive(POINTS, served.payload_problem)
        return
    payload = served.payload
    half = len(payload.body) // 2
    pieces = iter([piece for piece in (payload.body[:half], payload.body[half:]) if piece])
    headers = forward_headers({"Content-Type": payload.content_type})
    answer = wire.request(served.address, "POST", served.path, pieces, headers, seconds=patience(served))
    refused = answer.client_error or answer.status == http.client.NOT_IMPLEMENTED  # as RFC 9112, 6.1, wants
    yield not_applicable(CHUNKED, answer) if refused else _arrived(served, CHUNKED, answer)
    answer = served.invoke(payload, patience(served), _OFFER)
    switched = answer.status == http.client.SWITCHING_PROTOCOLS
    yield passed_if(OFFERED, True, "it switches to HTTP/2") if switched else _arrived(served, OFFERED, answer)
    yield _every(served, payload)


def _arrived(served: ServingContainer, point: Point, answer: wire.Answer) -> Finding:
    if not answer.ok:
        return passed_if(point, False, f"{answer}; the same body sent as usual: {served.payload_answer}")
    plain, empty = served.payload_answer, served.invoke(Payload(b"", served.content_type), patience(served))
    if plain is None or not empty.ok or empty.body != answer.body or plain.body == answer.body:
        return passed_if(point, True, answer)
    again = served.invoke(served.payload, patience(served))  # the answer may depend on the time, and on no body
    if again.body not in (plain.body, answer.body):
        return next(inconclusive(point, "responses to one payload differ, so a lost body would not show"))
    lost = again.body == plain.body
    return passed_if(point, not lost, f"{answer}, with the answer to an empty body" if lost else answer)


def _every(served: ServingContainer, payload: Payload) -> Finding:
    large = _large(served, payload)
    first = served.invoke(large, patience(served))
    if not first.status:
        return passed_if(EVERY, False, first)
    if not first.ok:
        return not_applicable(EVERY, f"the payload, filled up to {_BYTES // 1000} kB, gets {first}")
    count = min(_REQUESTS, int(_LOAD_SECONDS / first.seconds))
    if count < 2 * _CONNECTIONS:
        return not_applicable(EVERY, f"one request takes {first.seconds:.1f} s, so {_REQUESTS} would take minutes")
    left, lock, lost = count, threading.Lock(), list[wire.Answer]()
    headers = forward_headers({"Content-Type": large.content_type})
    if not (second := _after_early_answer(served, wire.post_head(served.path, len(large.body), headers), large)).status:
        return passed_if(
            EVERY, False, f"the request after one that the server answers before it has read its body: {second}"
        )

    def send() -> None:
        nonlocal left
        connection = http.client.HTTPConnection(*served.address, timeout=patience(served))
        with contextlib.closing(connection):
            while not lost:
                with lock:
                    left -= 1
                if left < 0:
                    return
                answer = wire.request_on(connection, "POST", served.path, large.body, headers)
                if not answer.status:
                    lost.append(answer)

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        for done in [pool.submit(send) for _ in range(_CONNECTIONS)]:
            done.result()
    return passed_if(EVERY, not lost, f"one of {count} has none: {lost[0]}" if lost else f"all {count} have one")


def _large(served: ServingContainer, payload: Payload) -> Payload:
    """Return the payload, made larger in a way that its content type allows."""
    if len(payload.body) >= _BYTES:
        return payload
    if payload.body and payload.content_type.partition(";")[0].strip().lower() in LINE_TYPES:
        lines = payload.body.rstrip(b"\r\n") + b"\n"
        return replace(payload, body=lines * (_BYTES // len(lines) + 1))
    return filled(served, _BYTES)


def _after_early_answer(served: ServingContainer, head: bytes, payload: Payload) -> wire.Answer:
    """Send the start of a body, wait for an answer, which few servers give, then the rest and the request again.

    Returns:
        The answer to the second request, or to the first if it announces that the connection closes.
    """
    start, rest = head + payload.body[:_EARLY_BYTES], payload.body[_EARLY_BYTES:]
    try:
        with wire.connect(served.address, patience(served)) as connection:
            connection.sendall(start)
            early = bool(select.select([connection], [], [], _EARLY_SECONDS)[0])
            first = wire.read_answer(connection, time.monotonic()) if early else None
            if first is None:
                connection.sendall(rest)
                first = wire.read_answer(connection, time.monotonic())
            if first.closes or not first.status:
                return first
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(early * rest + start + rest)
            return wire.read_answer(connection, time.monotonic())
    except OSError as error:
        return wire.Answer(0, 0, problem=str(error))
