"""Points about the stop: SIGTERM while a request arrives."""

import contextlib
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

from local_test.check.core.points import (
    Finding,
    Part,
    Point,
    Verdict,
    counted,
    inconclusive,
    passed_if,
    warning,
    warning_unless,
)
from local_test.check.hosting.support import sources, wire
from local_test.check.hosting.support.served import ServingContainer, start_container
from local_test.platform.processes import KILLED, SLOW_STOP_SECONDS
from local_test.platform.profiles import Conditions, forward_headers

LOG = Point(
    "H1-log-lines",
    Part.HOSTING,
    "the server writes log lines to stdout or stderr while it runs",
    'developer guide, "CloudWatch Logs for Amazon SageMaker AI"',
    "set PYTHONUNBUFFERED=1, and log to stdout or stderr instead of files",
    level=Verdict.WARNING,
)
IN_FLIGHT = Point(
    "H8-request-in-flight",
    Part.HOSTING,
    "a request that is in flight at SIGTERM gets a response other than 5xx",
    f"{sources.RUNS}: SIGTERM, 30 s, SIGKILL; no document demands that open requests are finished",
    "on SIGTERM stop accepting connections and finish the open requests; make sure that the signal reaches the server",
    level=Verdict.WARNING,
)
IN_TIME = Point(
    "H8-stops-in-time",
    Part.HOSTING,
    "the container exits within 30 s of SIGTERM, before SIGKILL; more than 10 s is a warning",
    f"{sources.RUNS}: receiving SIGTERM is a requirement",
    "start the server with exec, and handle SIGTERM in it: a shell as process 1 does not forward the signal",
)
EXIT_CODE = Point(
    "H8-exit-code",
    Part.HOSTING,
    "the exit code after SIGTERM is 0, or 143 for the signal",
    "convention of docker stop; the platform reports no exit code of an endpoint",
    "exit with 0 after the shutdown; any other code looks like a crash",
    level=Verdict.WARNING,
)
POINTS = (LOG, IN_FLIGHT, IN_TIME, EXIT_CODE)
_DIED_OF_IT = (143, -15)
_SIGNAL_SECONDS = 1.0
"""Time for the signal to arrive."""
_SEND_BYTES = 2**16
"""Size of the send buffer; by default the kernel buffers megabytes that the server has not read."""


def judge(served: ServingContainer) -> Iterator[Finding]:
    """Stop the container; this must be the last judge."""
    if not served.endpoint.alive:
        yield from inconclusive(POINTS, "the container had exited before")
        return
    log = served.endpoint.output.strip()
    yield passed_if(LOG, bool(log), counted(len(log.splitlines()), "line") if log else "no line during the whole run")
    dropped = served.endpoint.drops_sigterm()
    yield _stop_during_request(served)
    limit, sent = served.limits.stop_seconds, served.endpoint.sent[signal.SIGTERM]
    try:
        code = served.endpoint.process.wait(max(0, limit - (time.monotonic() - sent)))
    except subprocess.TimeoutExpired:
        observed = f"still running {limit:.0f} s after SIGTERM{f': {dropped}' if dropped else ''}; SIGKILL ends it"
        idle = "" if dropped else _end_of_an_idle_one(served)
        yield warning(IN_TIME, f"{observed}; {idle}") if idle else passed_if(IN_TIME, False, observed)
        yield from inconclusive(EXIT_CODE, "it had to be killed")
        return
    seconds = time.monotonic() - sent
    after = f"{seconds:.1f} s after SIGTERM"
    if code in KILLED:
        yield passed_if(IN_TIME, False, f"SIGKILL ended it {after} (exit code {code})")
        yield from inconclusive(EXIT_CODE, "it was killed")
        return
    observed = f"it exited {after}"
    yield warning_unless(IN_TIME, seconds <= SLOW_STOP_SECONDS, observed)
    yield passed_if(EXIT_CODE, code in (0, *_DIED_OF_IT), f"exit code {code}")


def _end_of_an_idle_one(served: ServingContainer) -> str:
    """Return how soon a container without a request in flight exits; empty if it does not in time either."""
    subject = served.subject
    with start_container(subject, "idle", Conditions.of(subject.profile, subject.environment)) as start:
        if start.served is None:
            return ""
        endpoint, begun = start.served.endpoint, time.monotonic()
        endpoint.terminate()
        try:
            code = endpoint.process.wait(served.limits.stop_seconds)
        except subprocess.TimeoutExpired:
            return ""
        seconds = time.monotonic() - begun
    return "" if code in KILLED else f"without a request in flight it exits after {seconds:.1f} s"


def _stop_during_request(served: ServingContainer) -> Finding:
    """Send a body larger than all buffers, so that the server has read some of it; then SIGTERM; then its last byte."""
    body = served.subject.payload.body if served.subject.payload else b"{}"
    body = body.ljust(served.limits.body_bytes * 4 // 5 if served.limits.body_bytes < 10**8 else 20 * 10**6)
    head = wire.post_head(served.path, len(body), forward_headers({"Content-Type": served.content_type}))
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(wire.connect(served.address, seconds=served.limits.stop_seconds))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
            connection.sendall(head + body[:-1])
        except OSError as error:
            served.endpoint.terminate()
            return next(inconclusive(IN_FLIGHT, f"the server did not read a body of {len(body) // 10**6} MB: {error}"))
        served.endpoint.terminate()
        time.sleep(_SIGNAL_SECONDS)
        start = time.monotonic()
        with contextlib.suppress(OSError):
            connection.sendall(body[-1:])
        answer = wire.read_answer(connection, start)
    # a payload that always gets a 5xx says nothing about the stop
    unchanged = served.payload_answer is not None and answer.status == served.payload_answer.status
    return passed_if(IN_FLIGHT, unchanged or 0 < answer.status < 500, answer)
