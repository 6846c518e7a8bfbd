"""Targets of this server, met or not, with their figures; targets without measurements are omitted."""

import statistics
from collections.abc import Iterator

from tests.bench.serving.bodies import KINDS, LARGE, SINGLE
from tests.bench.serving.results.figures import PARTS, Network
from tests.bench.serving.servers import SERVERS

_MANY = (16, 64)
_BASELINE: tuple[tuple[tuple[str, ...], tuple[int, ...], float], ...] = (
    (("npy", "json"), (1,), 1.35),
    (("npy",), _MANY, 2.8),
    (("json",), _MANY, 2.4),
    (("png",), _MANY, 1.8),
    (LARGE, (16,), 1.0),
    (("ws-npy", "ws-png"), (1, 16), 1.5),
)
"""Kinds, connections, and the minimum ratio of requests per second to the baseline's."""
_VNNI = 2.0
"""The same ratio for 64 images with the network of `best`, on a CPU with VNNI, where int8 is faster than float32."""
_LIMIT = 0.8
_MOSEC, _MLSERVER = 0.75, 2.5
_START_SECONDS = 0.75
MEMORY = 1.1
"""Maximum ratio of memory to the baseline's after 200,000 requests; `endurance` checks it."""


def targets(network: Network, cpu: str) -> Iterator[str]:
    """Yield a line for each target; *cpu* contains the names of its instruction sets."""
    for kinds, numbers, target in _BASELINE:
        for kind in kinds:
            for number in numbers:
                yield from _times_baseline(network, kind, number, target)
    if network.preset == "best" and "vnni" in cpu:
        for number in network.connections("npy64"):
            yield from _times_baseline(network, "npy64", number, _VNNI)
    yield from _all_answered(network)
    for kind in SINGLE:
        yield from _fastest(network, kind)
        for number in _MANY:
            yield from _times_peer(network, kind, number, "mosec-batch", _MOSEC)
            yield from _times_peer(network, kind, number, "mlserver", _MLSERVER)
        yield from _fair(network, kind)
    for kind in (*SINGLE, "npy64"):
        yield from _near_limit(network, kind)
    if "ours" in network.servers:
        yield from _resources(network)


def target_line(met: bool, text: str) -> str:
    """Return the line of a target."""
    return f"{'met    ' if met else 'NOT MET'} {text}"


def _where(kind: str, number: int) -> str:
    return f"{KINDS[kind].title}, {number} connection{'s' if number > 1 else ''}"


def _times_baseline(network: Network, kind: str, number: int, target: float) -> Iterator[str]:
    if found := network.ratios(kind, number):
        ratio = statistics.median(found)
        text = f"{ratio:.2f} times the baseline, {min(found):.2f} to {max(found):.2f} (target: >= {target})"
        yield target_line(ratio >= target, f"{_where(kind, number)}: {text}")


def _all_answered(network: Network) -> Iterator[str]:
    for kind in network.kinds():
        if KINDS[kind].checked and "ours" in network.servers:
            answered, *failures = (
                sum(network.get("ours", kind, number, key) or 0 for number in network.connections(kind))
                for key in ("requests", "errors", "lost", "wrong")
            )
            text = "{:,.0f} answered, {:.0f} not 200, {:.0f} lost, {:.0f} wrong".format(answered, *failures)
            yield target_line(not any(failures), f"{KINDS[kind].title}: {text}")


def _fastest(network: Network, kind: str) -> Iterator[str]:
    ours = network.get("ours", kind, 1, "p50")
    others = {name: p50 for name in network.peers if (p50 := network.get(name, kind, 1, "p50"))}
    if ours and others:
        name = min(others, key=lambda name: others[name])
        text = f"p50 {ours:.2f} ms, the lowest of the peers {others[name]:.2f} ({SERVERS[name].title})"
        yield target_line(ours < others[name], f"{_where(kind, 1)}: {text}")


def _times_peer(network: Network, kind: str, number: int, name: str, target: float) -> Iterator[str]:
    ours, theirs = (network.get(server, kind, number, "throughput") for server in ("ours", name))
    if ours and theirs:
        text = f"{ours:,.0f} req/s, {ours / theirs:.2f} times {SERVERS[name].title} (target: >= {target})"
        yield target_line(ours >= target * theirs, f"{_where(kind, number)}: {text}")


def _fair(network: Network, kind: str) -> Iterator[str]:
    p99, rate = network.get("ours", kind, 16, "p99"), network.get("ours", kind, 16, "throughput")
    if p99 and rate:
        bound = 2 * 16 * 1000 / rate
        yield target_line(
            p99 <= bound, f"{_where(kind, 16)}: p99 {p99:.1f} ms (target: <= 2 x 16 / rate = {bound:.1f})"
        )


def _near_limit(network: Network, kind: str) -> Iterator[str]:
    ours, empty = (network.get(name, kind, 16, "throughput") for name in ("ours", "uvicorn-empty"))
    limit = network.limit(kind, 16)
    if ours and empty and limit:
        parts = network.summary["floor"][kind]
        terms = " + ".join(f"{name} {parts[name]:.0f}" for name in PARTS)
        text = f"{limit:,.0f} req/s = 1 s / (empty application {1e6 / empty:.0f} + {terms} us)"
        where = f"{_where(kind, 16)}: {ours:,.0f} req/s, {ours / limit:.2f} of the computed limit"
        yield target_line(ours >= _LIMIT * limit, f"{where} {text} (target: >= {_LIMIT})")


def _resources(network: Network) -> Iterator[str]:
    start = network.summary["ours"]["start"]
    yield target_line(
        start <= _START_SECONDS, f"first 200 {start:.2f} s after docker run (target: <= {_START_SECONDS})"
    )
    for key, title, unit in (("start", "first 200", "s"), ("memory", "memory after the load", "MB")):
        if others := {name: network.summary[name][key] for name in network.peers}:
            ours, name = network.summary["ours"][key], min(others, key=lambda name: others[name])
            text = f"{title} {ours:.3g} {unit}, the lowest of the peers {others[name]:.3g} ({SERVERS[name].title})"
            yield target_line(ours < others[name], text)
