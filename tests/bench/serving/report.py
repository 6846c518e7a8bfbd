"""The figures of a run -> a table a kind of request, plain statements about what is asked for, a plot.

`python -m tests.bench.serving.report serving.json` shows them again.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from tests.bench.serving.servers import SERVERS

_TITLES = {"json": "JSON, one image", "npy": "npy, one image", "png": "PNG, one image", "npy64": "npy, 64 images"}
_ALONE = {"stream1000": ("npy, answered in streamed lines", 1000), "csv1000": ("CSV, answered in lines", 1000)}
"""What this server alone is asked: a title, images."""
_SLOW = ("predict", "aws", "mms", "litserve", "bentoml")
"""Those that are to be left behind by half."""
_PARTS = ("decode", "engine")


@dataclass(frozen=True)
class Network:
    """The medians of one network: {"floor": ..., server: {"start", "memory", "refused", "loads"}}."""

    summary: dict[str, Any]

    @property
    def servers(self) -> list[str]:
        """Names of the servers that were measured, in their usual order."""
        return [name for name in SERVERS if name in self.summary]

    @property
    def peers(self) -> list[str]:
        """Those that compete."""
        return [name for name in self.servers if not SERVERS[name].ours]

    def get(self, server: str, kind: str, connections: int, figure: str) -> float | None:
        """Return a figure; None if it was not measured."""
        loads = self.summary.get(server, {}).get("loads", {})
        found: float | None = loads.get(kind, {}).get(str(connections), {}).get(figure)
        return found or None

    def kinds(self) -> list[str]:
        """Kinds of requests that were sent."""
        return [kind for kind in _TITLES if kind in self.summary["floor"]]

    def connections(self) -> list[int]:
        """Numbers of connections."""
        return [int(number) for number in next(iter(self.summary[self.servers[0]]["loads"].values()))]

    def limit(self, kind: str, connections: int) -> float | None:
        """Return the requests per second that Flask under our settings leaves room for.

        A second divided by: an empty route's time at as many connections + decoding + engine, each alone.
        """
        empty = self.get("empty", kind, connections, "throughput")
        return empty and 1e6 / (1e6 / empty + sum(self.summary["floor"][kind][part] for part in _PARTS))


def show(content: dict[str, Any], console: Console) -> None:
    """Print the tables and the statements."""
    console.width = max(console.width, 150)  # a table is read as a whole, in a file too
    console.print(f"{content['date']}, commit {content['commit']}, {content['cpu']}; {len(content['rounds'])} rounds")
    for name, summary in content["summary"].items():
        network = Network(summary)
        for kind in network.kinds():
            console.print(_table(network, f"{name}: {_TITLES[kind]}", kind))
        if alone := [kind for kind in _ALONE if network.get("ours", kind, 1, "throughput")]:
            console.print(_alone(network, f"{name}: this server alone", alone))
        console.print(_resources(network, name))
    for statement in statements(content["summary"]):
        console.print(statement, highlight=False, soft_wrap=True)


def _table(network: Network, title: str, kind: str) -> Table:
    numbers = network.connections()
    table = Table("connections", title=title)
    for head in ("req/s", "ours / it", "p50 ms", "p99 ms"):
        for number in numbers:
            table.add_column(f"{head}\n{number}", justify="right")
    table.add_column("errors", justify="right")
    for name in network.servers:
        if reason := network.summary[name]["refused"].get(kind):
            table.add_row(SERVERS[name].title, f"not taken: {reason[:60]}")
            continue
        rates = [network.get(name, kind, number, "throughput") for number in numbers]
        ours = [network.get("ours", kind, number, "throughput") for number in numbers]
        cells = [f"{rate:,.{0 if rate >= 100 else 1}f}" if rate else "-" for rate in rates]
        cells += [f"{mine / rate:.2f}" if mine and rate else "-" for mine, rate in zip(ours, rates, strict=True)]
        for figure in ("p50", "p99"):
            cells += [f"{network.get(name, kind, number, figure) or float('nan'):.2f}" for number in numbers]
        errors = sum(network.get(name, kind, number, "errors") or 0 for number in numbers)
        table.add_row(SERVERS[name].title, *cells, f"{errors:.0f}")
    limits = [network.limit(kind, number) for number in numbers]
    table.add_row("computed limit of Flask", *(f"{limit:,.0f}" if limit else "-" for limit in limits))
    return table


def _alone(network: Network, title: str, kinds: list[str]) -> Table:
    table = Table("requests of 1,000 images", "connections", "req/s", "images/s", "p50 ms", "p99 ms", title=title)
    for kind in kinds:
        words, images = _ALONE[kind]
        for number in network.connections():
            rate, p50, p99 = (network.get("ours", kind, number, figure) or 0 for figure in ("throughput", "p50", "p99"))
            table.add_row(words, str(number), f"{rate:.1f}", f"{rate * images:,.0f}", f"{p50:.1f}", f"{p99:.1f}")
    return table


def _resources(network: Network, name: str) -> Table:
    table = Table("server", "docker run to first 200, s", "memory after the load, MB", title=name)
    for server in network.servers:
        figures = network.summary[server]
        table.add_row(SERVERS[server].title, f"{figures['start']:.2f}", f"{figures['memory']:.0f}")
    return table


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
        yield _say(ours < others[name], f"{_TITLES[kind]}, 1 connection: {text}")


def _many_connections(network: Network, kind: str, number: int) -> Iterator[str]:
    ours = network.get("ours", kind, number, "throughput")
    rates = {name: rate for name in network.peers if (rate := network.get(name, kind, number, "throughput"))}
    where = f"{_TITLES[kind]}, {number} connections"
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
        terms = " + ".join(f"{name} {parts[name]:.0f}" for name in _PARTS)
        text = f"{limit:,.0f} req/s = 1 s / (empty route {1e6 / empty:.0f} + {terms} us)"
        yield _say(ours >= 0.95 * limit, f"{where}: {ours / limit:.1%} of the computed limit {text} (asked: 95 %)")


def _patience(network: Network, kind: str) -> Iterator[str]:
    p99, rate = network.get("ours", kind, 16, "p99"), network.get("ours", kind, 16, "throughput")
    if p99 and rate:
        bound = 2 * 16 * 1000 / rate
        yield _say(
            p99 <= bound, f"{_TITLES[kind]}, 16 connections: p99 {p99:.1f} ms (asked: <= 2 x 16 / rate = {bound:.1f})"
        )


def _batches(network: Network) -> Iterator[str]:
    for number in network.connections():
        if rate := network.get("ours", "npy64", number, "throughput"):
            alone, ours = network.summary["floor"]["npy64"]["engine"] / 1000, 1000 / rate
            text = f"{ours:.2f} ms a request, {ours / alone - 1:+.1%} to the engine alone, {alone:.2f} ms (asked: 5 %)"
            yield _say(ours <= 1.05 * alone, f"{_TITLES['npy64']}, {number} connections: {text}")


def _http_alone(network: Network) -> Iterator[str]:
    for kind in network.kinds():
        for number in network.connections():
            ours, empty = (network.get(name, kind, number, "throughput") for name in ("ours", "empty"))
            if ours and empty and kind != "npy64":
                text = f"{1e6 / ours:.0f} us a request, {empty / ours:.2f} times an empty route's {1e6 / empty:.0f}"
                yield _say(empty / ours <= 1.15, f"lenet, {_TITLES[kind]}, {number} connections: {text} (asked: 1.15)")


def _say(holds: bool, text: str) -> str:
    return f"{'yes' if holds else 'NO '} {text}"


def plot(content: dict[str, Any], path: Path) -> None:
    """Draw the first network's medians: throughput and latency a kind of request, start and memory."""
    network = Network(next(iter(content["summary"].values())))
    many = max((number for number in network.connections() if number <= 16), default=1)
    kinds = network.kinds()
    figure = Figure(figsize=(4.2 * max(len(kinds), 2), 9), layout="constrained")
    axes = figure.subplots(3, max(len(kinds), 2), squeeze=False)
    for column, kind in enumerate(kinds):
        shown = [name for name in network.servers if name != "empty" or kind != "npy64"]  # it has no batch to answer
        rates = {name: network.get(name, kind, many, "throughput") for name in shown}
        _bars(axes[0, column], f"{_TITLES[kind]}\nrequests/s, {many} connections", rates, "{:,.0f}")
        if limit := network.limit(kind, many):
            axes[0, column].axvline(limit, color="black", linestyle=":", linewidth=1)
        times = {name: network.get(name, kind, 1, "p50") for name in shown}
        _bars(axes[1, column], "p50 ms, 1 connection", times, "{:.2f}")
    for column, (key, title) in enumerate({"start": "docker run to first 200, s", "memory": "memory, MB"}.items()):
        values = {name: network.summary[name][key] for name in network.servers}
        _bars(axes[2, column], title, values, "{:.1f}" if key == "start" else "{:.0f}")
    for axis in (*axes[2, 2:], *axes[:2, len(kinds) :].flat):
        axis.set_axis_off()
    figure.suptitle(
        f"one core for the server, {content['cpu']}, {content['date']}, commit {content['commit']}\n"
        "orange: this server; dotted: computed limit of Flask",
        fontsize=10,
    )
    figure.savefig(path, dpi=110)


def _bars(axis: Axes, title: str, values: dict[str, float | None], form: str) -> None:
    """Draw a bar a server; the longest is cut off, with dots behind its number, where it would dwarf the others."""
    names = [name for name in reversed(values) if values[name]]
    lengths = [values[name] or 0.0 for name in names]
    longest = 1.2 * sorted(lengths)[-2] if len(lengths) > 1 else lengths[0]
    colours = ["tab:orange" if name == "ours" else "lightgray" if name == "empty" else "tab:blue" for name in names]
    bars = axis.barh(
        [SERVERS[name].title for name in names], [min(length, longest) for length in lengths], color=colours
    )
    labels = [form.format(length) + (" ..." if length > longest else "") for length in lengths]
    axis.bar_label(bars, labels, padding=3, fontsize=8)
    axis.margins(x=0.25)
    axis.set_title(title, fontsize=10)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)


@click.command()
@click.argument("results", type=click.Path(exists=True, path_type=Path))
def main(results: Path) -> None:
    """Show the figures in RESULTS again, and draw the plot beside it anew."""
    content = json.loads(results.read_bytes())
    show(content, Console())
    plot(content, results.with_suffix(".png"))


if __name__ == "__main__":
    main()
