"""Points of /invocations that polite requests find out about."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from local_test.check.core.points import Finding, Part, Payload, Point, inconclusive, not_applicable, passed_if
from local_test.check.hosting.support import wire
from local_test.check.hosting.support.served import GUIDE, RUNTIME, ServingContainer
from local_test.platform.profiles import MB, Profile

ANSWER = Point(
    "H4-answer",
    Part.HOSTING,
    "POST /invocations answers the payload with 200 within 60 s (3600 s for async and batch)",
    GUIDE,
    "read the container's log; a model that needs longer belongs behind an asynchronous endpoint",
)
UNKNOWN_HEADERS = Point(
    "H4-unknown-headers",
    Part.HOSTING,
    "headers that it does not know do not change the status",
    f"{GUIDE}: SageMaker AI might add additional headers, which your code must ignore",
    "read the headers that you need and ignore the rest",
)
PLATFORM_HEADERS = Point(
    "H6-platform-headers",
    Part.HOSTING,
    "the headers of InvokeEndpoint do not change the status",
    RUNTIME,
    "ignore the headers X-Amzn-SageMaker-* that you have no use for",
)
ANSWER_HEADERS = Point(
    "H6-answer-headers",
    Part.HOSTING,
    "the answer's headers are visible ASCII, those for the client at most 1024 characters long",
    RUNTIME,
    "encode what is not ASCII, such as by percent signs",
)
CONCURRENT = Point(
    "H4-concurrent",
    Part.HOSTING,
    "8 requests at once are all answered with 200",
    f"{GUIDE}: the web server must handle the endpoint's requests; routing is by the fewest that are outstanding",
    "serve with several threads or processes, and queue rather than refuse",
)
STREAMED = Point(
    "H16-streamed-answer",
    Part.HOSTING,
    "an answer in chunks comes whole, with the chunk that ends it",
    f"{GUIDE}, response streaming",
    "end a chunked answer by the empty chunk, or leave chunking to the web server",
)
LARGEST = Point(
    "H5-largest-body",
    Part.HOSTING,
    "a body of the platform's limit is read: 25 MB, serverless 4 MB, batch and async 100 MB and more",
    "SageMaker hosting FAQs, payload limits; aws/amazon-sagemaker-examples issue 2793",
    "raise the body limit of the web server and of what is in front of it, such as client_max_body_size of nginx",
)
TOO_LARGE = Point(
    "H5-too-large-body",
    Part.HOSTING,
    "a body over the limit is refused by a 4xx or read, and the server goes on",
    "SageMaker hosting FAQs, payload limits",
    "refuse by 413 before the body is in memory",
    frozenset({Profile.REAL_TIME, Profile.SERVERLESS, Profile.MULTI_MODEL}),
)
POINTS = (
    ANSWER, UNKNOWN_HEADERS, PLATFORM_HEADERS, ANSWER_HEADERS, CONCURRENT, STREAMED, LARGEST, TOO_LARGE,
)  # fmt: skip
_NEEDS_PAYLOAD = (ANSWER, UNKNOWN_HEADERS, PLATFORM_HEADERS, ANSWER_HEADERS, CONCURRENT, STREAMED)
_AT_ONCE = 8
_SENT_AT_MOST = 100 * MB
"""Of the gigabyte of an asynchronous endpoint: what a laptop has room for."""
_STRANGE = {"X-Contract-Check": "1", "X-Forwarded-For": "10.0.0.1", "Traceparent": "00-1-1-00", "X-Amzn-Trace-Id": "a"}
_OF_INVOKE_ENDPOINT = {
    "X-Amzn-SageMaker-Target-Variant": "AllTraffic",
    "X-Amzn-SageMaker-Inference-Id": "contract-check",
    "X-Amzn-SageMaker-Target-Container-Hostname": "model",
    "X-Amzn-SageMaker-Inference-Component": "contract-check",
    "X-Amzn-SageMaker-Enable-Explanations": "`false`",
}


def judge(served: ServingContainer) -> Iterator[Finding]:
    """Ask for the payload's prediction in several ways, then for those of bodies that are as large as they may be."""
    plain = served.payload_answer
    if plain is None or not plain.ok:
        doubted = inconclusive(_NEEDS_PAYLOAD, served.payload_problem)
        yield from (
            passed_if(ANSWER, False, plain) if plain and observed.point is ANSWER else observed for observed in doubted
        )
    else:
        yield from _asked(served, served.payload, plain)
    if plain and plain.status >= 500:
        yield from inconclusive(LARGEST, served.payload_problem)
    else:
        yield _largest(served)
    if served.subject.profile in TOO_LARGE.profiles:
        yield _too_large(served)


def _asked(served: ServingContainer, payload: Payload, plain: wire.Answer) -> Iterator[Finding]:
    yield passed_if(ANSWER, plain.seconds <= served.limits.answer_seconds, f"{plain}, {len(plain.body)} bytes")
    yield passed_if(UNKNOWN_HEADERS, (answer := served.invoke(payload, extra=_STRANGE)).ok, answer)
    yield passed_if(PLATFORM_HEADERS, (answer := served.invoke(payload, extra=_OF_INVOKE_ENDPOINT)).ok, answer)
    odd = [name for name, value in plain.headers.items() if not _fits(name, value)]
    yield passed_if(ANSWER_HEADERS, not odd, f"not so: {', '.join(odd)}" if odd else ", ".join(plain.headers))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = list(pool.map(served.invoke, [payload] * _AT_ONCE))
    others = [str(answer) for answer in answers if not answer.ok]
    slowest = max(answer.seconds for answer in answers)
    yield passed_if(CONCURRENT, not others, "; ".join(others) or f"all {_AT_ONCE} within {slowest:.2f} s")
    yield _streamed(served, payload)


def _fits(name: str, value: str) -> bool:
    length = 1024 if name.startswith("x-amzn-sagemaker-") else 8192
    return len(value) <= length and all(" " <= character <= "~" or character == "\t" for character in value)


def _streamed(served: ServingContainer, payload: Payload) -> Finding:
    for accept in ("*/*", "text/event-stream", "application/jsonlines"):
        answer = served.invoke(payload, extra={"Accept": accept})
        chunked = answer.headers.get("transfer-encoding", "").lower() == "chunked"
        if chunked or answer.problem == wire.BROKE_OFF:
            return passed_if(STREAMED, answer.ok, f"{answer}, {len(answer.body)} bytes for Accept: {accept}")
    return not_applicable(STREAMED, "answers come with their length")


def _largest(served: ServingContainer) -> Finding:
    size = min(served.limits.body_bytes, _SENT_AT_MOST)
    answer = served.invoke(_filled(served, size))
    heard = 0 < answer.status < 500 and answer.status != 413
    return passed_if(LARGEST, heard, f"{answer} for {size / MB:.0f} MB")


def _too_large(served: ServingContainer) -> Finding:
    size = served.limits.body_bytes * 5 // 4
    answer = served.invoke(_filled(served, size))
    # a refusal may overtake the body, whose rest then meets a closed connection; silence and 5xx are faults
    refused = 0 < answer.status < 500 or answer.problem == wire.CLOSED
    return passed_if(TOO_LARGE, refused and served.healthy(), f"{answer} for {size / MB:.0f} MB")


def _filled(served: ServingContainer, size: int) -> Payload:
    """Make a body of *size* bytes that costs little to predict: white space after JSON, garbage after all else."""
    payload = served.subject.payload or Payload(b"{}", served.content_type)
    filler = b" " if "json" in payload.content_type else b"\x00"
    return replace(payload, body=payload.body[:size].ljust(size, filler))
