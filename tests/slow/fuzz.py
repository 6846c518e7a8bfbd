"""Malformed requests against the real server: `make fuzz`.

seed, number -> a request (malformed.py) -> a socket of its own -> every answer until the server closes
a fault: a status from 500 on, silence, no answer where one is due, a refusal that is not JSON, a traceback,
         a worker that died, memory that grew -> the request's number and bytes, and exit code 1
"""

import http.client
import io
import json
import resource
import socket
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median

import click
from rich.console import Console
from rich.progress import track

from tests.slow.malformed import Request, malformed
from tests.support.helpers import Server, run_job, serving
from traffic_signs.data.prepare import Plan, prepare
from traffic_signs.data.sources import synthetic

WORKERS, CLIENTS = 2, 4
SECONDS = 10.0
"""A server that is silent for longer hangs."""
_GROWTH = 1.25, 30 * 1024 * 1024
"""Memory has grown if there is more by both of these: the allocator keeps what the largest request took."""
_WARM = 50_000
"""Requests from which on growth counts: the rare large ones must have come in the second fifth already."""


@dataclass
class Outcome:
    """What became of many requests."""

    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[tuple[int, str]] = field(default_factory=list)
    """Number of the request, or -1, and what is wrong."""
    slowest: tuple[float, int] = 0.0, -1
    """Seconds, and the number of the request."""
    memory: list[int] = field(default_factory=list)
    """Bytes resident in all workers after each hundredth of the requests."""


def fuzz(server: Server, seed: int, numbers: Iterable[int], total: int) -> Outcome:
    """Send the requests of these *numbers*, *total* of them."""
    outcome, workers = Outcome(), _workers(server)
    port = int(server.url.rsplit(":", 1)[1])
    with ThreadPoolExecutor(CLIENTS) as pool, suppress(KeyboardInterrupt):  # what was sent until then is told
        source = iter(numbers)
        while batch := list(islice(source, max(1, total // 100))):
            for number, (statuses, seconds, fault) in zip(
                batch, pool.map(partial(_one, port, seed), batch), strict=True
            ):
                outcome.statuses.update(statuses)
                outcome.slowest = max(outcome.slowest, (seconds, number))
                if fault:
                    outcome.faults.append((number, fault))
            outcome.memory.append(sum(map(_resident, workers)))
    if _workers(server) != workers:
        outcome.faults.append((-1, "a worker died"))
    if "Traceback" in server.log.read_text(encoding="utf-8", errors="replace"):
        outcome.faults.append((-1, f"a traceback in {server.log}"))
    return outcome


def _one(port: int, seed: int, number: int) -> tuple[list[int], float, str | None]:
    """Return statuses, seconds until the end, and what is wrong."""
    request = malformed(seed, number)
    start = time.monotonic()
    try:
        data = _exchange(port, request)
    except TimeoutError:
        return [], SECONDS, f"silent for {SECONDS:g} s"
    seconds = time.monotonic() - start
    if not request.listens:
        return [], seconds, None
    try:
        answers = _parse(data)
    except (http.client.HTTPException, ValueError) as error:
        return [], seconds, f"no HTTP: {error!r}, {data[:200]!r}"
    return [status for status, _, _ in answers], seconds, _fault(request, answers)


def _exchange(port: int, request: Request) -> bytes:
    data = b""
    with closing(socket.create_connection(("127.0.0.1", port), SECONDS)) as connection:
        try:
            connection.sendall(request.data)
            if request.listens and not request.answers:
                connection.shutdown(socket.SHUT_WR)
        except TimeoutError:
            raise
        except OSError:  # closed in our face: an answer may still be there
            pass
        deadline = time.monotonic() + SECONDS
        while request.listens:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                part = connection.recv(1024 * 1024)
            except ConnectionError:
                break
            if not part:
                break
            data += part
    return data


class _Stream(io.BytesIO):
    """Answers, one behind the other, in place of a socket: each of their readers would close it."""

    def makefile(self, _: str) -> "_Stream":
        return self

    def close(self) -> None:
        pass


def _parse(data: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    # of a request that breaks off, nothing may follow behind the invitation to send its body
    data = data.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    stream, answers = _Stream(data), []
    while stream.tell() < len(data):
        answer = http.client.HTTPResponse(stream)  # type: ignore[arg-type]  # it only makes a file of a socket
        answer.begin()
        answers.append((answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()))
    return answers


def _fault(request: Request, answers: list[tuple[int, dict[str, str], bytes]]) -> str | None:
    """Say what is wrong with the *answers* to *request*."""
    for status, headers, body in answers:
        # 501 is what RFC 9112 (6.1) asks for where a transfer coding is not known, which is gunicorn's to say
        allowed = (status == 503 and "retry-after" in headers) or (status == 501 and not request.answers)
        if status >= 500 and not allowed:
            return f"status {status}"
        if b"Traceback" in body:
            return "a traceback"
        if request.answers and status >= 400:
            try:
                json.loads(body)["error"]
            except (ValueError, KeyError, TypeError):
                return f"{status} without JSON: {body[:200]!r}"
    # a body that is too large is not read, and what is behind it in the pipe is lost
    closed = bool(answers) and (answers[-1][0] == 413 or answers[-1][1].get("connection") == "close")
    if request.answers and (len(answers) > request.answers or (len(answers) < request.answers and not closed)):
        return f"{len(answers)} answers of {request.answers}"
    return None


def _workers(server: Server) -> list[int]:
    pid = server.process.pid
    return sorted(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()))


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _train(folder: Path) -> Path:
    """Train a small model; return the base of its job."""
    synthetic.write(folder / "drawn", seed=7, tracks=5, frames=2, tests=1)
    prepare(Plan(str(folder / "drawn")), folder / "prepared")
    channels = {name: folder / "prepared" / name for name in ("training", "validation")}
    job = run_job(folder / "opt-ml", channels, {"epochs": 2})
    if job.code:
        raise click.ClickException(job.log)
    return job.base


@click.command(
    epilog="""\b
    Examples:
      python -m tests.slow.fuzz --requests 5000 --seed 2
      python -m tests.slow.fuzz --seed 2 --only 1234
    """
)
@click.option("--requests", "total", type=click.IntRange(10), default=100_000, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--only", type=int, help="Send the request of this number alone, ten times.")
@click.option(
    "--base", type=click.Path(exists=True, path_type=Path), help="An /opt/ml with a model; or one is trained."
)
@click.option("--output", type=click.Path(path_type=Path), default=Path("results/fuzz"), help="For what broke.")
def main(total: int, seed: int, only: int | None, base: Path | None, output: Path) -> None:
    """Send malformed requests to the serving program, bare; exit with 1 if one of them breaks it."""
    output.mkdir(parents=True, exist_ok=True)
    console = Console()
    with tempfile.TemporaryDirectory() as folder:
        base = base or _train(Path(folder))
        with serving(base, output / "log", environment={"SAGEMAKER_MODEL_SERVER_WORKERS": str(WORKERS)}) as server:
            numbers = track(range(total), "requests", console=console) if only is None else [only] * 10
            outcome = fuzz(server, seed, numbers, total if only is None else 10)
    fifth = len(outcome.memory) // 5
    early, late = (int(median(outcome.memory[start:][:fifth])) for start in (fifth, 4 * fifth))
    if total >= _WARM and late > _GROWTH[0] * early and late > _GROWTH[1] + early:
        outcome.faults.append((-1, f"memory grew from {early:,} to {late:,} bytes"))
    for number, fault in outcome.faults:
        console.print(f"seed {seed}, request {number}: {fault}", style="red", markup=False, highlight=False)
        if number >= 0:
            (output / f"{seed}-{number}").write_bytes(malformed(seed, number).data)
    seconds, number = outcome.slowest
    console.print(f"statuses {dict(sorted(outcome.statuses.items()))}, slowest {seconds:.2f} s (request {number})")
    console.print("MB in all workers, by tenths:", [size // 1024**2 for size in outcome.memory[9::10]])
    sys.exit(bool(outcome.faults))


if __name__ == "__main__":
    main()
