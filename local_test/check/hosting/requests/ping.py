"""Points of /ping on an idle container."""

from collections.abc import Iterator

from local_test.check.core.points import Finding, Part, Point, Verdict, counted, not_applicable, passed_if
from local_test.check.hosting.support import sources
from local_test.check.hosting.support.patience import is_late
from local_test.check.hosting.support.served import ServingContainer

EMPTY = Point(
    "H3-ping-empty",
    Part.HOSTING,
    "/ping returns 200 with an empty body",
    f"{sources.PING}; AWS's multi-model-server 1.1.11 sends a body, measured",
    "return 200 from /ping without a body",
    level=Verdict.WARNING,
)
POST = Point(
    "H3-ping-by-post",
    Part.HOSTING,
    "POST /ping returns 200, as GET does",
    f"{sources.RESPONDS}: must accept POST to /invocations and /ping; the platform sends GET, as the section on"
    " health checks says, and AWS's model-hosting-container-standards mounts GET only",
    "add POST to the methods of the route /ping",
    level=Verdict.WARNING,
)
SLASH = Point(
    "H3-ping-slash",
    Part.HOSTING,
    "/ping/ returns 200, a redirect or a 4xx",
    "SeldonIO/MLServer issue 1101, datarobot-user-models pull request 883",
    "serve /ping with and without the slash",
    level=Verdict.WARNING,
)
IN_TIME = Point(
    "H3-ping-in-time",
    Part.HOSTING,
    "/ping responds within 2 s",
    sources.PING,
    "respond to /ping without running a prediction",
)
POINTS = (EMPTY, POST, SLASH, IN_TIME)
_TIMES = 5


def judge(served: ServingContainer) -> Iterator[Finding]:
    """Request /ping several times, by GET and POST, and with a trailing slash."""
    answers = [served.ping() for _ in range(_TIMES)]
    body = answers[0].body
    yield passed_if(
        EMPTY,
        answers[0].ok and not body.strip(),
        f"{answers[0].status} with a body of {counted(len(body), 'byte')}: {body[:40]!r}",
    )
    if any(is_late(served, answer) for answer in answers):  # perhaps by another scenario's work: ask again
        answers = [served.ping() for _ in range(_TIMES)]
    worst = max(answers, key=lambda answer: (not answer.ok, answer.seconds))
    yield passed_if(IN_TIME, worst.ok and not is_late(served, worst), f"{worst}, the worst of {_TIMES}")
    yield passed_if(POST, (answer := served.ping("POST")).ok, answer)
    answer = served.ping(path="/ping/")
    if answer.client_error or 300 <= answer.status < 400:
        yield not_applicable(SLASH, answer)
    else:
        yield passed_if(SLASH, answer.ok, answer)
