"""Points of /invocations with valid requests."""

import http.client
from collections.abc import Iterator
from dataclasses import replace

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
    warning_unless,
)
from local_test.check.hosting.support import sources, wire
from local_test.check.hosting.support.patience import patience
from local_test.check.hosting.support.served import ServingContainer
from local_test.platform.profiles import MB, Profile, forward_headers

ANSWER = Point(
    "H4-answer",
    Part.HOSTING,
    "POST /invocations with the payload returns 200 within 60 s (15 min for async, 10 min for batch, or as set to 1 h);"
    " later is a warning",
    f"{sources.RESPONDS}; API, InvocationTimeoutSeconds: 15 min unless set, InvocationsTimeoutInSeconds: 10 min",
    "4xx: check --payload and --content-type; 5xx: read the log of `python -m local_test serve --image IMAGE` for the"
    " exception; no answer in time: use an asynchronous endpoint, or set a longer InvocationTimeoutSeconds",
)
UNKNOWN_HEADERS = Point(
    "H4-unknown-headers",
    Part.HOSTING,
    "unknown headers do not change the status",
    f"{sources.RESPONDS}: SageMaker AI might add additional headers, which your code must ignore",
    "read the headers that you need, and ignore the others",
)
PLATFORM_HEADERS = Point(
    "H6-platform-headers",
    Part.HOSTING,
    "the X-Amzn-SageMaker-* headers of InvokeEndpoint do not change the status",
    sources.RUNTIME,
    "ignore X-Amzn-SageMaker-* headers that you do not use",
)
ANSWER_HEADERS = Point(
    "H6-answer-headers",
    Part.HOSTING,
    "response headers are printable ASCII, and X-Amzn-SageMaker-* ones have at most 1024 characters",
    f"{sources.RUNTIME}: response headers; a header that is not InvokeEndpoint's reaches no client",
    "encode other characters, for example by percent encoding, and shorten long values",
)
CONCURRENT = Point(
    "H4-concurrent",
    Part.HOSTING,
    "8 simultaneous requests all get 200, or fewer of a slow model; 429 and 503 are a warning",
    f"{sources.RESPONDS}: must accept requests, and answer within 60 s; no document says how many",
    "queue requests instead of rejecting them, with a queue timeout of at least 60 s",
)
STREAMED = Point(
    "H16-streamed-answer",
    Part.HOSTING,
    "a chunked response is complete, with its final empty chunk",
    f"{sources.RESPONDS}: response streaming",
    "end a chunked response with the empty chunk, or leave chunking to the web server",
)
LARGEST = Point(
    "H5-largest-body",
    Part.HOSTING,
    "a body as large as the platform allows is read: 25 MB; 4 MB for serverless; 100 MB for batch and async",
    f"{sources.FAQ}, payload limits; AWS's scikit_bring_your_own takes 5 MB, the API model of InvokeEndpoint 6 MB",
    "raise the body limit of the web server and of the proxy in front, such as nginx's client_max_body_size",
    level=Verdict.WARNING,
)
TOO_LARGE = Point(
    "H5-too-large-body",
    Part.HOSTING,
    "a body over the limit gets a 4xx or is read, and the server keeps running",
    f"{sources.FAQ}, payload limits: the platform itself rejects such a body",
    "return 413 before the whole body is in memory",
    frozenset({Profile.REAL_TIME, Profile.SERVERLESS, Profile.MULTI_MODEL}),
    level=Verdict.WARNING,
)
POINTS = (
    ANSWER, UNKNOWN_HEADERS, PLATFORM_HEADERS, ANSWER_HEADERS, CONCURRENT, STREAMED, LARGEST, TOO_LARGE,
)  # fmt: skip
_NEEDS_PAYLOAD = (ANSWER, UNKNOWN_HEADERS, PLATFORM_HEADERS, ANSWER_HEADERS, CONCURRENT, STREAMED)
_AT_ONCE = 8
_QUEUED_SECONDS = 30.0
"""How long the last of them may wait for the others; a server may refuse a request that it could not answer in 60 s."""
_BUSY = (http.client.TOO_MANY_REQUESTS, http.client.SERVICE_UNAVAILABLE)
_PLATFORM = "x-amzn-sagemaker-"
_SENT_AT_MOST = 100 * MB
"""An asynchronous endpoint allows 1 GB, for which a laptop may lack memory."""
_STRANGE = {"X-Contract-Check": "1", "X-Forwarded-For": "10.0.0.1", "Traceparent": "00-1-1-00", "X-Amzn-Trace-Id": "a"}
_OF_INVOKE_ENDPOINT = {
    "X-Amzn-SageMaker-Target-Variant": "AllTraffic",
    "X-Amzn-SageMaker-Inference-Id": "contract-check",
    "X-Amzn-SageMaker-Target-Container-Hostname": "model",
    "X-Amzn-SageMaker-Inference-Component": "contract-check",
    "X-Amzn-SageMaker-Enable-Explanations": "`false`",
}


def judge(served: ServingContainer) -> Iterator[Finding]:
    """Send the payload in several ways, then bodies of the largest size and above."""
    plain = served.payload_answer
    if plain is None or served.payload_problem:
        doubted = inconclusive(_NEEDS_PAYLOAD, served.payload_problem)
        # a response that is late here may be in time on the instance
        if plain is not None:
            doubted = (finding for finding in doubted if finding.point is not ANSWER)
            yield warning(ANSWER, plain) if plain.ok else passed_if(ANSWER, False, plain)
        yield from doubted
    else:
        yield from _judge_payload(served, served.payload, plain)
    if plain and plain.status >= 500:
        yield from inconclusive(LARGEST, served.payload_problem)
    else:
        yield _largest(served)
    if served.subject.profile in TOO_LARGE.profiles:
        yield _too_large(served)


def _judge_payload(served: ServingContainer, payload: Payload, plain: wire.Answer) -> Iterator[Finding]:
    observed = f"{plain}, {counted(len(plain.body), 'byte')}"
    if plain.seconds > served.limits.default_answer_seconds:
        limit = served.limits.default_answer_seconds
        yield warning(ANSWER, f"{observed}; the platform waits {limit:.0f} s by default")
    else:
        yield passed_if(ANSWER, True, observed)
    yield passed_if(UNKNOWN_HEADERS, (answer := served.invoke(payload, extra=_STRANGE)).ok, answer)
    yield passed_if(PLATFORM_HEADERS, (answer := served.invoke(payload, extra=_OF_INVOKE_ENDPOINT)).ok, answer)
    odd = [name for name, value in plain.headers.items() if not _fits(name, value)]
    observed = f"too long or not ASCII: {', '.join(odd)}" if odd else ", ".join(plain.headers)
    forwarded = not odd or any(name.startswith(_PLATFORM) for name in odd)
    yield passed_if(ANSWER_HEADERS, not odd, observed) if forwarded else warning(ANSWER_HEADERS, observed)
    yield _concurrent(served, payload, plain)
    yield _streamed(served, payload)


def _concurrent(served: ServingContainer, payload: Payload, plain: wire.Answer) -> Finding:
    """Send as many requests as one worker answers in time, all but their last bytes first, so that they meet."""
    count = min(_AT_ONCE, int(_QUEUED_SECONDS / plain.seconds))
    if count < 2:
        return not_applicable(CONCURRENT, f"one request takes {plain.seconds:.0f} s; a second one need not wait for it")
    head = wire.post_head(served.path, len(payload.body), forward_headers({"Content-Type": payload.content_type}))
    answers = wire.send_together(served.address, head + payload.body, count, patience(served))
    others = [answer for answer in answers if not answer.ok]
    slowest = max(answer.seconds for answer in answers)
    observed = "; ".join(map(str, others)) or f"all {count} got 200 within {slowest:.2f} s"
    refused = all(answer.status in _BUSY for answer in others)
    return warning_unless(CONCURRENT, not others, observed) if refused else passed_if(CONCURRENT, False, observed)


def _fits(name: str, value: str) -> bool:
    length = 1024 if name.startswith(_PLATFORM) else 8192
    return len(value) <= length and all(" " <= character <= "~" or character == "\t" for character in value)


def _streamed(served: ServingContainer, payload: Payload) -> Finding:
    for accept in ("*/*", "text/event-stream", "application/jsonlines"):
        answer = served.invoke(payload, extra={"Accept": accept})
        chunked = answer.headers.get("transfer-encoding", "").lower() == "chunked"
        if chunked or answer.problem == wire.BROKE_OFF:
            return passed_if(STREAMED, answer.ok, f"{answer}, {counted(len(answer.body), 'byte')} for Accept: {accept}")
    return not_applicable(STREAMED, "no response is chunked")


def _largest(served: ServingContainer) -> Finding:
    size = min(served.limits.body_bytes, _SENT_AT_MOST)
    answer = served.invoke(filled(served, size))
    was_read = 0 < answer.status < 500 and answer.status != 413
    return passed_if(LARGEST, was_read, f"{answer} for {size / MB:.0f} MB")


def _too_large(served: ServingContainer) -> Finding:
    size = served.limits.body_bytes * 5 // 4
    answer = served.invoke(filled(served, size))
    # a server may reject and close before it has read the body; a timeout or a 5xx is a fault
    handled = 0 < answer.status < 500 or answer.problem == wire.CLOSED
    return passed_if(TOO_LARGE, handled and served.healthy(), f"{answer} for {size / MB:.0f} MB")


def filled(served: ServingContainer, size: int) -> Payload:
    """Pad the payload to *size* bytes that take little time to predict: white space after JSON, else zero bytes."""
    payload = served.subject.payload or Payload(b"{}", served.content_type)
    filler = b" " if "json" in payload.content_type else b"\x00"
    return replace(payload, body=payload.body[:size].ljust(size, filler))
