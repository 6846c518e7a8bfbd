"""Closed-loop load: so many keep-alive connections, each sending as soon as it has its answer.

h2load      requests of one image, at tens of thousands a second
client.py   large bodies and WebSockets: requests that were lost are counted, every answer is checked

Alone on a core of an AMD EPYC with AVX-512, on 16 or 64 connections, h2load takes 13 to 18 us of CPU time a request,
enough for 55,000 a second, and `client` 26 to 33 us, enough for 30,000. `--servers ceiling` shows the first.
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
"""Where the container that loads has the requests, a file a kind."""
LOG = "/tmp/requests"  # noqa: S108 - in a container of its own
_CLIENT = "/opt/client"
_ANSWERS = "/tmp/answer"  # noqa: S108 - as above
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
    """Other statuses than 200."""
    lost: int
    """Requests that were never answered: connection closed or reset, or silence."""
    wrong: int = 0
    """Answers of 200 with other predictions than the network has; h2load looks at none."""


@contextlib.contextmanager
def loading(image: str, requests: Iterable[Body]) -> Iterator[Container]:
    """Give the container that loads, with the *requests* in it; end it."""
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
        RuntimeError: the server does not take such requests.
    """
    path = WEBSOCKET if body.kind.websocket else "/invocations"
    options = {"port": port, "path": path, "body": f"{BODIES}/{body.name}", "headers": body.headers}
    options |= {"websocket": body.kind.websocket, "connections": connections, "seconds": seconds}
    options |= {"least": least or body.kind.least, "answers": _ANSWERS}
    found = json.loads(
        loader.run("env", "PYTHONPATH=/opt", "python3.11", "-m", "client", json.dumps(options), seconds=7200)
    )
    answered = found["statuses"].get("200", 0)
    right = sum(
        count
        for number, count in enumerate(found["counts"])
        if body.right(loader.run("cat", f"{_ANSWERS}.{number}").encode(), expected)
    )
    return Figures(
        throughput=answered / found["seconds"],
        p50=found["p50"],
        p99=found["p99"],
        requests=answered,
        errors=sum(found["statuses"].values()) - answered,
        lost=found["lost"],
        wrong=answered - right,
    )


def h2load(url: str, body: Body) -> tuple[str, ...]:
    """Return the beginning of h2load's command line: HTTP/1.1, one thread, the request."""
    words = [f"--header={name.lower()}: {value}" for name, value in body.headers.items()]
    return ("h2load", "--h1", "--threads=1", f"--data={BODIES}/{body.name}", *words, url)


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
