"""Closed-loop load by h2load: so many keep-alive connections, each sending as soon as it has its answer."""

from dataclasses import dataclass

import numpy as np

from tests.bench.serving.bodies import Body
from tests.bench.serving.containers import Container

BODIES = "/bodies"
"""Where the container that loads has the requests, a file a kind."""
LOG = "/tmp/requests"  # noqa: S108 - in a container of its own
_WARM_UP = 0.3
_OK = (200, 0)
"""h2load takes the status from its reason phrase's callback: of multi-model-server, which sends none, it logs 0."""
_LONGEST_CYCLE = 1.5
"""Seconds: of 64 connections to a server that needs longer for each, not all have an answer while it is measured."""


@dataclass(frozen=True)
class Figures:
    """What a load found; milliseconds, all of the requests that were answered with 200."""

    throughput: float
    """Requests per second."""
    p50: float
    p99: float
    requests: int
    errors: int
    """Other statuses than 200, and requests that were never answered."""


def run(loader: Container, url: str, body: Body, connections: int, seconds: float, *, cycle: float = 0.0) -> Figures:
    """Load *url* for *seconds*, after a warm-up.

    Args:
        loader: the container that loads.
        url: what to load.
        body: the request.
        connections: how many.
        seconds: how long, at least.
        cycle: seconds that every connection needs to have an answer once; the warm-up takes one, what is measured two.
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
    # of one connection the requests follow each other, and a few slow ones are counted better without the edges
    rate = 1000 / times.mean() if connections == 1 and len(times) else len(times) / measured
    return Figures(
        throughput=float(rate),
        p50=float(np.percentile(times, 50)) if len(times) else float("nan"),
        p99=float(np.percentile(times, 99)) if len(times) else float("nan"),
        requests=len(times),
        errors=len(rows) - len(times) + unanswered(printed),
    )


def h2load(url: str, body: Body) -> tuple[str, ...]:
    """Return the beginning of h2load's command line: HTTP/1.1, one thread, the request."""
    headers = {"content-type": body.content_type, **body.headers}
    words = [f"--header={name}: {value}" for name, value in headers.items()]
    return ("h2load", "--h1", "--threads=1", f"--data={BODIES}/{body.kind}", *words, url)


def log(loader: Container) -> np.ndarray:
    """Return the last load's log, int64 [N, 3]: start in microseconds since 1970, status, microseconds it took."""
    text = loader.run("cat", LOG)
    return np.array(text.split(), np.int64).reshape(-1, 3)


def unanswered(printed: str) -> int:
    """Return how many requests h2load says were never answered."""
    counts = _counts(printed)
    return counts["errored"] + counts["timeout"]


def succeeded(printed: str) -> int:
    """Return how many requests h2load says were answered with a status below 400."""
    return _counts(printed)["succeeded"]


def _counts(printed: str) -> dict[str, int]:
    """Read "requests: 9 total, 9 started, 9 done, 9 succeeded, 0 failed, 0 errored, 0 timeout"."""
    line = next(line for line in printed.splitlines() if line.startswith("requests: "))
    return {name: int(number) for number, name in map(str.split, line.partition(":")[2].split(","))}
