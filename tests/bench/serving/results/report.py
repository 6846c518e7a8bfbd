"""Report of a run: a table for each kind of request, ratios to the baseline, targets, a plot.

`python -m tests.bench.serving.results.report serving.json` prints it again.
"""

import json
import statistics
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.bench.serving.bodies import KINDS
from tests.bench.serving.results.figures import Network
from tests.bench.serving.results.plot import plot
from tests.bench.serving.results.targets import targets
from tests.bench.serving.servers import SERVERS

_FAILURES = ("errors", "lost", "wrong")


def show(content: dict[str, Any], console: Console) -> None:
    """Print the tables and the targets."""
    console.width = max(console.width, 160)  # wide enough for whole tables, even in a file
    cpu = f"{content['date']}, commit {content['commit']}, {content['cpu']}; {len(content['rounds'])} rounds"
    for preset, summary in content["summary"].items():
        network = Network(preset, summary, [found[preset] for found in content["rounds"]])
        for kind in network.kinds():
            console.print(_table(network, f"{preset}: {KINDS[kind].title}", kind, cpu))
        if "baseline" in network.servers:
            console.print(_ratios(network, f"{preset}: this server / {content['images']['baseline']['tag']}", cpu))
        console.print(_resources(network, preset, cpu))
        for image in content.get("images", {}).values():
            console.print(f"image {image['tag']}: {image['mb']:,.0f} MB")
        for target in targets(network, content["cpu"]):
            console.print(target, highlight=False, soft_wrap=True)


def _table(network: Network, title: str, kind: str, cpu: str) -> Table:
    numbers = network.connections(kind)
    table = Table("connections", title=title, caption=cpu)
    for head in ("req/s", "ours / server", "p50 ms", "p99 ms"):
        for number in numbers:
            table.add_column(f"{head}\n{number}", justify="right")
    table.add_column("not 200 /\nlost / wrong", justify="right")
    for name in network.servers:
        if reason := network.summary[name]["refused"].get(kind):
            table.add_row(SERVERS[name].title, f"rejected: {reason[:60]}")
        elif kind in network.summary[name]["loads"]:
            table.add_row(SERVERS[name].title, *_cells(network, name, kind, numbers))
    if limits := [limit for number in numbers if (limit := network.limit(kind, number))]:
        table.add_row("computed limit", *(f"{limit:,.0f}" for limit in limits))
    return table


def _cells(network: Network, name: str, kind: str, numbers: list[int]) -> list[str]:
    rates = [network.get(name, kind, number, "throughput") for number in numbers]
    ours = [network.get("ours", kind, number, "throughput") for number in numbers]
    cells = [f"{rate:,.{0 if rate >= 100 else 1}f}" if rate else "-" for rate in rates]
    cells += [f"{mine / rate:.2f}" if mine and rate else "-" for mine, rate in zip(ours, rates, strict=True)]
    for figure in ("p50", "p99"):
        cells += [f"{network.get(name, kind, number, figure) or float('nan'):.2f}" for number in numbers]
    failures = [sum(network.get(name, kind, number, key) or 0 for number in numbers) for key in _FAILURES]
    return [*cells, " / ".join(f"{number:.0f}" for number in failures)]


def _ratios(network: Network, title: str, cpu: str) -> Table:
    table = Table("requests", "connections", title=title, caption=cpu)
    for head in ("req/s", "baseline's", "ratio, median", "minimum", "maximum"):
        table.add_column(head, justify="right")
    for kind in network.kinds():
        for number in network.connections(kind):
            if found := network.ratios(kind, number):
                rates = [network.get(name, kind, number, "throughput") or 0 for name in ("ours", "baseline")]
                cells = [f"{rate:,.{0 if rate >= 100 else 1}f}" for rate in rates]
                cells += [f"{value:.2f}" for value in (statistics.median(found), min(found), max(found))]
                table.add_row(KINDS[kind].title, str(number), *cells)
    return table


def _resources(network: Network, title: str, cpu: str) -> Table:
    table = Table("server", "docker run to first 200, s", title=title, caption=cpu)
    table.add_column("memory at start, MB", justify="right")
    table.add_column("after the load, MB", justify="right")
    for server in network.servers:
        figures = network.summary[server]
        memory = [f"{figures[key]:.0f}" if key in figures else "-" for key in ("memory_start", "memory")]
        table.add_row(SERVERS[server].title, f"{figures['start']:.2f}", *memory)
    return table


@click.command(
    epilog="""\b
    Example:
      python -m tests.bench.serving.results.report tests/bench/serving/serving.json
    """
)
@click.argument("results", type=click.Path(exists=True, path_type=Path))
def main(results: Path) -> None:
    """Print the report of RESULTS again, and redraw the plot beside it."""
    content = json.loads(results.read_bytes())
    show(content, Console())
    plot(content, results.with_suffix(".png"))


if __name__ == "__main__":
    main()
