"""Figures -> a plain statement about each thing that is asked for."""

from collections.abc import Iterator
from typing import Any

from tests.bench.serving.figures import PARTS, TITLES, Network
from tests.bench.serving.servers import SERVERS

_SLOW = ("predict", "aws", "mms", "litserve", "bentoml")
"""Those that are to be left behind by half."""


def statements(summary: dict[str, Any]) -> Iterator[str]:
    """Say for each thing that is asked for whether it holds, with the figures; what was not measured is left out."""
    network = Network(next(iter(summary.values())))
    for kind in network.kinds():
        yield from _one_connection(network, kind)
        for number in (16, 64):
            yield from _many_connections(network, kind, number)
        yield from _patience(network, kind)
    yield from _batches(network)
    if "lenet" in summary:
        yield from _http_alone(Network(summary["lenet"]))
    if "ours" in network.summary:
        start, memory = network.summary["ours"]["start"], network.summary["ours"]["memory"]
        yield _say(start <= 1.5, f"first 200 on /ping {start:.2f} s after docker run (asked: <= 1.5)")
        yield _say(memory <= 150, f"memory of the container, one worker: {memory:.0f} MB (asked: <= 150)")


def _one_connection(network: Network, kind: str) -> Iterator[str]:
    ours = network.get("ours", kind, 1, "p50")
    others = {name: p50 for name in network.peers if (p50 := network.get(name, kind, 1, "p50"))}
    if ours and others:
        name = min(others, key=lambda name: others[name])
        text = f"p50 {ours:.2f} ms, the lowest of the peers {others[name]:.2f} ({SERVERS[name].title})"
        yield _say(ours < others[name], f"{TITLES[kind]}, 1 connection: {text}")


def _many_connections(network: Network, kind: str, number: int) -> Iterator[str]:
    ours = network.get("ours", kind, number, "throughput")
    rates = {name: rate for name in network.peers if (rate := network.get(name, kind, number, "throughput"))}
    where = f"{TITLES[kind]}, {number} connections"
    slow = {name: rates[name] for name in _SLOW if name in rates}
    if ours and slow:
        name = max(slow, key=lambda name: slow[name])
        text = f"{ours:,.0f} req/s, {ours / slow[name]:.2f} times {SERVERS[name].title}, the best of five (asked: 1.5)"
        yield _say(ours >= 1.5 * slow[name], f"{where}: {text}")
    if ours and "mlserver" in rates:
        yield _say(ours > rates["mlserver"], f"{where}: {ours / rates['mlserver']:.2f} times MLServer (asked: ahead)")
    if ours and "mosec" in rates:
        yield _say(ours > rates["mosec"], f"{where}: {ours / rates['mosec']:.2f} times mosec (asked: ahead, or next)")
    limit, empty = network.limit(kind, number), network.get("empty", kind, number, "throughput")
    if ours and limit and empty:
        parts = network.summary["floor"][kind]
        terms = " + ".join(f"{name} {parts[name]:.0f}" for name in PARTS)
        text = f"{limit:,.0f} req/s = 1 s / (empty route {1e6 / empty:.0f} + {terms} us)"
        yield _say(ours >= 0.95 * limit, f"{where}: {ours / limit:.1%} of the computed limit {text} (asked: 95 %)")


def _patience(network: Network, kind: str) -> Iterator[str]:
    p99, rate = network.get("ours", kind, 16, "p99"), network.get("ours", kind, 16, "throughput")
    if p99 and rate:
        bound = 2 * 16 * 1000 / rate
        yield _say(
            p99 <= bound, f"{TITLES[kind]}, 16 connections: p99 {p99:.1f} ms (asked: <= 2 x 16 / rate = {bound:.1f})"
        )


def _batches(network: Network) -> Iterator[str]:
    for number in network.connections():
        if rate := network.get("ours", "npy64", number, "throughput"):
            alone, ours = network.summary["floor"]["npy64"]["engine"] / 1000, 1000 / rate
            text = f"{ours:.2f} ms a request, {ours / alone - 1:+.1%} to the engine alone, {alone:.2f} ms (asked: 5 %)"
            yield _say(ours <= 1.05 * alone, f"{TITLES['npy64']}, {number} connections: {text}")


def _http_alone(network: Network) -> Iterator[str]:
    for kind in network.kinds():
        for number in network.connections():
            ours, empty = (network.get(name, kind, number, "throughput") for name in ("ours", "empty"))
            if ours and empty and kind != "npy64":
                text = f"{1e6 / ours:.0f} us a request, {empty / ours:.2f} times an empty route's {1e6 / empty:.0f}"
                yield _say(empty / ours <= 1.15, f"lenet, {TITLES[kind]}, {number} connections: {text} (asked: 1.15)")


def _say(holds: bool, text: str) -> str:
    return f"{'yes' if holds else 'NO '} {text}"
