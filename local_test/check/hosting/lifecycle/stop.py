"""Points of the stop: SIGTERM, while a request comes in."""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator

from local_test.check.core.points import Finding, Part, Point, inconclusive, passed_if
from local_test.check.hosting.support import wire
from local_test.check.hosting.support.served import GUIDE, ServingContainer
from local_test.platform.profiles import forwarded_headers

LOG = Point(
    "H1-log-lines",
    Part.HOSTING,
    "what it has to say is on stdout or stderr while it runs, not held back in a buffer",
    "developer guide, logging-cloudwatch",
    "PYTHONUNBUFFERED=1, and no log files",
)
IN_FLIGHT = Point(
    "H8-request-in-flight",
    Part.HOSTING,
    "a request that comes in when SIGTERM does is answered, not by a 5xx",
    GUIDE,
    "on SIGTERM stop accepting and finish what has begun; see that the signal reaches the server",
)
IN_TIME = Point(
    "H8-stops-in-time",
    Part.HOSTING,
    "ends within 30 s of SIGTERM, after which it is killed",
    GUIDE,
    "start the server by exec, so that it is process 1 and not a shell that keeps the signal",
)
EXIT_CODE = Point(
    "H8-exit-code",
    Part.HOSTING,
    "ends with exit code 0 after SIGTERM, or 143, the signal's",
    "docker stop's convention",
    "exit 0 once all is finished; anything else is read as a crash",
)
POINTS = (LOG, IN_FLIGHT, IN_TIME, EXIT_CODE)
_DIED_OF_IT = (143, -15)
_SIGNAL_SECONDS = 1.0
"""Until a signal is surely there."""
_SEND_BYTES = 2**16
"""Of the sender's buffer: left to itself, the kernel takes megabytes that no server has read."""


def judge(served: ServingContainer) -> Iterator[Finding]:
    """Stop it. It must be the last judge."""
    if not served.endpoint.alive:
        yield from inconclusive(POINTS, "it has ended before")
        return
    said = served.endpoint.output.strip()
    yield passed_if(LOG, bool(said), f"{len(said.splitlines())} lines" if said else "nothing, all this time")
    start = time.monotonic()
    yield _stopped_amid(served)
    try:
        code = served.endpoint.process.wait(max(0, served.limits.stop_seconds - (time.monotonic() - start)))
    except subprocess.TimeoutExpired:
        yield passed_if(IN_TIME, False, f"still there after {served.limits.stop_seconds:.0f} s")
        yield from inconclusive(EXIT_CODE, "it had to be killed")
        return
    yield passed_if(IN_TIME, True, f"after {time.monotonic() - start:.1f} s")
    yield passed_if(EXIT_CODE, code in (0, *_DIED_OF_IT), f"exit code {code}")


def _stopped_amid(served: ServingContainer) -> Finding:
    """Send a body that no buffer between us holds, so that the server has read of it; SIGTERM; its last byte."""
    body = served.subject.payload.body if served.subject.payload else b"{}"
    body = body.ljust(served.limits.body_bytes * 4 // 5 if served.limits.body_bytes < 10**8 else 20 * 10**6)
    headers = {"Host": "model", "Content-Length": len(body), **forwarded_headers({"Content-Type": served.content_type})}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with contextlib.ExitStack() as stack:
        try:
            connection = stack.enter_context(wire.connect(served.address, seconds=served.limits.stop_seconds))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BYTES)
            connection.sendall(f"POST {served.path} HTTP/1.1\r\n{head}\r\n".encode() + body[:-1])
        except OSError as error:
            served.endpoint.terminate()
            return next(
                inconclusive(IN_FLIGHT, f"it does not read bodies of {len(body) // 10**6} MB to their end: {error}")
            )
        served.endpoint.terminate()
        time.sleep(_SIGNAL_SECONDS)
        start = time.monotonic()
        with contextlib.suppress(OSError):
            connection.sendall(body[-1:])
        answer = wire.read_answer(connection, start)
    # what is a 5xx at all times is none of the stop's
    as_ever = served.payload_answer is not None and answer.status == served.payload_answer.status
    return passed_if(IN_FLIGHT, as_ever or 0 < answer.status < 500, answer)
