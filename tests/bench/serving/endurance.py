"""Endurance and overload benchmark of this server and of an earlier commit's: `make bench-endurance`.

    200,000 requests, JSON, npy and PNG alternating -> memory before and after each quarter of them
    overload for a minute -> answers by status, goodput, latency of /ping meanwhile

The peak is the throughput of 16 connections in a closed loop. For the overload, OVERLOAD connections are scheduled to
send ten times the peak together. A connection has one request in flight, and h2load ignores Retry-After: it sends an
overdue request as soon as the connection is free. So OVERLOAD requests are open at every moment, and requests arrive at
the smaller of ten peaks and of the rate of all answers, 503 included. The report has the scheduled and the actual rate.
New connections request /ping throughout.
"""

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
import requests
from rich.console import Console

from tests.bench import machine
from tests.bench.serving import baseline, bodies, load
from tests.bench.serving.containers import LOAD_CORE, Container, serving
from tests.bench.serving.results.targets import MEMORY, target_line
from tests.bench.serving.servers import SERVERS
from traffic_signs.data.dataset import Dataset

_RESULTS = Path(__file__).with_name("endurance.json")
_KINDS = ("json", "npy", "png")
_OVERLOAD_FACTOR = 10


@click.command(
    epilog="""\b
    Example:
      python -m tests.bench.serving.endurance results/synthetic/data results/bench/quick/opt-ml/model --requests 3000
    """
)
@click.argument("prepared", type=click.Path(exists=True, path_type=Path))
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option("--requests", "total", type=click.IntRange(12), default=200_000, show_default=True)
@click.option("--seconds", type=click.FloatRange(1), default=60, show_default=True, help="Duration of the overload.")
@click.option("--overload", type=click.IntRange(1), default=640, show_default=True, help="Connections of the overload.")
@click.option("--image", default="traffic-signs:cpu", show_default=True)
@click.option("--baseline-image", help="This project's image of an earlier commit.")
@click.option("--bench-image", default="traffic-signs:bench-serving", show_default=True, help="Image with h2load.")
@click.option("--port", type=click.IntRange(1024, 65535), default=18080, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=_RESULTS, help="JSON file.")
def main(
    prepared: Path,
    model: Path,
    *,
    total: int,
    seconds: float,
    overload: int,
    image: str,
    baseline_image: str | None,
    bench_image: str,
    port: int,
    output: Path,
) -> None:
    """Measure memory over many requests, then overload, of the image serving MODEL; PREPARED has the images."""
    os.sched_setaffinity(0, {LOAD_CORE})
    console = Console()
    made = bodies.make(Dataset.load(prepared / "test" / "test.npz").images[:64])
    content: dict[str, Any] = {**machine.describe(), "requests": total, "servers": {}}
    address = f"http://127.0.0.1:{port}"
    with (
        load.load_generator(bench_image, (made[kind] for kind in _KINDS)) as loader,
        baseline.deployments(model, image, bench_image, baseline_image) as deployments,
    ):
        for name in ("ours", "baseline") if baseline_image else ("ours",):
            with serving(SERVERS[name], deployments, port) as (server, _):
                memory, lost = [server.memory()], 0
                for _quarter in range(4):
                    lost += _send(loader, address, made, total // 4)
                    memory.append(server.memory())
                    console.log(f"{name}: {total // 4:,} requests, memory {memory[-1]:.1f} MB, {lost} not 200")
                peak = load.run(loader, f"{address}/invocations", made["json"], 16, 5)
                found = _overload(
                    loader, address, made["json"], peak=peak.throughput, connections=overload, seconds=seconds
                )
                found["memory_after"] = server.memory()
            figures = {"not_200": lost, "memory_mb": memory, "peak": asdict(peak), "overload": found}
            content["servers"][name] = figures
            output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
            _show(SERVERS[name].title, total, figures, console)
    if baseline_image:
        memory, before = (content["servers"][name]["memory_mb"][-1] for name in ("ours", "baseline"))
        text = f"memory after {total:,} requests {memory:.1f} MB, {memory / before:.2f} times the baseline's"
        console.print(target_line(memory <= MEMORY * before, f"{text} (target: <= {MEMORY})"), soft_wrap=True)
    console.print(content["cpu"])


def _send(loader: Container, address: str, made: dict[str, bodies.Body], number: int) -> int:
    """Send *number* requests, a third of each kind; return how many did not get a 200."""
    lost = 0
    for kind in _KINDS:
        command = load.h2load(f"{address}/invocations", made[kind])
        printed = loader.run(*command, f"--requests={number // len(_KINDS)}", "--clients=16", seconds=3600)
        lost += number // len(_KINDS) - load.succeeded(printed)
    return lost


def _overload(
    loader: Container, address: str, body: bodies.Body, *, peak: float, connections: int, seconds: float
) -> dict[str, Any]:
    pings: list[float] = []
    stop = threading.Event()
    pinging = threading.Thread(target=_ping, args=(f"{address}/ping", stop.is_set, pings))
    pinging.start()
    rate = max(1, round(_OVERLOAD_FACTOR * peak / connections))
    try:
        printed = loader.run(
            *load.h2load(f"{address}/invocations", body),
            f"--duration={1000 * seconds:.0f}ms",
            f"--clients={connections}",
            f"--rps={rate}",
            f"--log-file={load.LOG}",
            seconds=seconds + 120,
        )
    finally:
        stop.set()
        pinging.join()
    rows = load.log(loader)
    statuses, counts = np.unique(rows[:, 1], return_counts=True)
    times = {status: rows[rows[:, 1] == status, 2] / 1000 for status in (200, 503)}
    return {
        "connections": connections,
        "seconds": seconds,
        "scheduled_per_second": rate * connections,
        "answered_per_second": len(rows) / seconds,
        "goodput": len(times[200]) / seconds,
        "statuses": {str(status): int(count) for status, count in zip(statuses, counts, strict=True)},
        "never_answered": load.unanswered(printed),
        "p99_ms": {str(status): float(np.percentile(found, 99)) for status, found in times.items() if len(found)},
        "pings": len(pings),
        "slowest_ping": max(pings, default=float("nan")),
    }


def _ping(url: str, stopped: Callable[[], bool], seconds: list[float]) -> None:
    """Request /ping on a new connection ten times a second; record the seconds, infinity if the status is not 200."""
    while not stopped():
        start = time.monotonic()
        try:
            ok = requests.get(url, timeout=30).status_code == requests.codes.ok
        except requests.RequestException:
            ok = False
        seconds.append(time.monotonic() - start if ok else float("inf"))
        time.sleep(max(0.0, 0.1 - seconds[-1]))


def _show(title: str, total: int, figures: dict[str, Any], console: Console) -> None:
    found, peak = figures["overload"], figures["peak"]["throughput"]
    memory = ", ".join(f"{value:.1f}" for value in figures["memory_mb"])
    console.print(f"{title}, {total:,} requests: {figures['not_200']} without a 200; memory, MB: {memory}")
    console.print(
        f"overload, {found['connections']} connections, {found['seconds']:.0f} s: {found['scheduled_per_second']:,}"
        f" requests per second scheduled, {found['answered_per_second']:,.0f} answered, by status {found['statuses']},"
        f" {found['never_answered']} never answered"
    )
    console.print(
        f"goodput {found['goodput']:,.0f} of the peak's {peak:,.0f} per second: {found['goodput'] / peak:.1%}"
    )
    console.print(f"p99, ms: {found['p99_ms']}; memory after it {found['memory_after']:.1f} MB")
    console.print(f"/ping, {found['pings']} times on new connections: at most {found['slowest_ping']:.3f} s")


if __name__ == "__main__":
    main()
