"""Closed-loop load: keep-alive connections, each of which sends its next request when it has its answer.

h2load      requests of one image, tens of thousands per second
client/     large bodies and WebSockets: counts lost requests, checks every answer

Alone on a core of an AMD EPYC with AVX-512, on 16 or 64 connections, h2load takes 13 to 18 us of CPU time per request,
enough for 55,000 per second, and `client` 26 to 33 us, enough for 30,000. `--servers ceiling` measures h2load's.
"""

import contextlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.bench.serving.bodies import WEBSOCKET, Body
from tests.bench.serving.containers import LOAD_CORE, Container

BODIES = "/bodies"
"""Folder with the requests in the load generator's container, a file for each kind."""
LOG = "/tmp/requests"  # noqa: S108 # in its own container
_CLIENT = "/opt/client"
_ANSWERS = "/tmp/answer"  # noqa: S108 # as above
_WARM_UP = 0.3
_OK = (200, 0)
"""h2load logs 0 for a response without reason phrase, as multi-model-server sends it."""
_LONGEST_CYCLE = 1.5
"""Seconds. On servers slower than this, not all of 64 connections get an answer while a load is measured."""


@dataclass(frozen=True)
class Figures:
    """Results of a load; latencies in milliseconds, of requests with status 200."""

    throughput: float
    """Requests per second."""
    p50: float
    p99: float
    requests: int
    errors: int
    """Answers with other statuses than 200."""
    lost: int
    """Requests without an answer: connection closed or reset, or timeout."""
    wrong: int = 0
    """Answers with status 200 and wrong predictions; h2load does not check them."""


@contextlib.contextmanager
def load_generator(image: str, requests: Iterable[Body]) -> Iterator[Container]:
    """Start the load generator's container with the *requests* in it; yield and remove it."""
    client = Path(__file__).with_name("client")
    with tempfile.TemporaryDirectory() as folder:
        for body in requests:
            (Path(folder) / body.name).write_bytes(body.encoded())
        loader = Container(image, ("sleep", "infinity"), LOAD_CORE, {Path(folder): BODIES, client: _CLIENT})
        try:
            yield loader
        finally:
            loader.remove()


def run(loader: Container, url: str, body: Body, connections: int, seconds: float, *, cycle: float = 0.0) -> Figures:
    """Load *url* with h2load for *seconds*, after a warm-up.

    Args:
        loader: The load generator's container.
        url: URL to send to.
        body: The request.
        connections: Number of connections.
        seconds: Minimum duration.
        cycle: Seconds in which every connection gets one answer; the warm-up takes one cycle, the measurement two.
    """
    cycle = min(cycle, _LONGEST_CYCLE)
    warm_up, measured = max(_WARM_UP, cycle), max(seconds, 2 * cycle)
    duration = f"--duration={1000 * (warm_up + measured):.0f}ms"
    loader.run("rm", "-f", LOG)
    printed = loader.run(*h2load(url, body), duration, f"--clients={connections}", f"--log-file={LOG}")
    rows = log(loader)
    start = rows[:, 0].min() if len(rows) else 0
    ends = rows[:, 0] + rows[:, 2]  # microseconds
    first = start + 1e6 * warm_up
    rows = rows[(ends >= first) & (ends < first + 1e6 * measured)]
    times = rows[np.isin(rows[:, 1], _OK), 2] / 1000
    # on one connection, requests are sequential: the mean is more accurate than a count of few slow requests
    rate = 1000 / times.mean() if connections == 1 and len(times) else len(times) / measured
    return Figures(
        throughput=float(rate),
        p50=float(np.percentile(times, 50)) if len(times) else float("nan"),
        p99=float(np.percentile(times, 99)) if len(times) else float("nan"),
        requests=len(times),
        errors=len(rows) - len(times),
        lost=unanswered(printed),
    )


def checked(
    loader: Container,
    port: int,
    body: Body,
    connections: int,
    seconds: float,
    *,
    expected: Sequence[np.ndarray],
    least: int = 0,
) -> Figures:
    """Load this project's server with `client` for *seconds* and at least *least* requests; check every answer.

    Raises:
        RuntimeError: the server rejects such requests.
    """
    path = WEBSOCKET if body.kind.websocket else "/invocations"
    options = {"port": port, "path": path, "body": f"{BODIES}/{body.name}", "headers": body.headers}
    options |= {"websocket": body.kind.websocket, "connections": connections, "seconds": seconds}
    options |= {"least": least or body.kind.least, "answers": _ANSWERS}
    printed = json.loads(
        loader.run("env", "PYTHONPATH=/opt", "python3.11", "-m", "client", json.dumps(options), seconds=7200)
    )
    answered = printed["statuses"].get("200", 0)
    correct = sum(
        count
        for number, count in enumerate(printed["counts"])
        if body.is_correct(loader.run("cat", f"{_ANSWERS}.{number}").encode(), expected)
    )
    return Figures(
        throughput=answered / printed["seconds"],
        p50=printed["p50"],
        p99=printed["p99"],
        requests=answered,
        errors=sum(printed["statuses"].values()) - answered,
        lost=printed["lost"],
        wrong=answered - correct,
    )


def h2load(url: str, body: Body) -> tuple[str, ...]:
    """Return the first part of h2load's command line: HTTP/1.1, one thread, the request."""
    words = [f"--header={name.lower()}: {value}" for name, value in body.headers.items()]
    return ("h2load", "--h1", "--threads=1", f"--data={BODIES}/{body.name}", *words, url)


def log(loader: Container) -> np.ndarray:
    """Return the last load's log, int64 [N, 3]: start in microseconds since 1970, status, duration in microseconds."""
    text = loader.run("cat", LOG)
    return np.array(text.split(), np.int64).reshape(-1, 3)


def unanswered(printed: str) -> int:
    """Return h2load's number of requests without an answer."""
    counts = _counts(printed)
    return counts["errored"] + counts["timeout"]


def succeeded(printed: str) -> int:
    """Return h2load's number of answers with a status below 400."""
    return _counts(printed)["succeeded"]


def _counts(printed: str) -> dict[str, int]:
    """Parse "requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout"."""
    line = next(line for line in printed.splitlines() if line.startswith("requests: "))
    return {name: int(number) for number, name in map(str.split, line.partition(":")[2].split(","))}
