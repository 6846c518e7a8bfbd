"""The figures of a run -> a table a kind of request, statements about what is asked for, a plot.

`python -m tests.bench.serving.report serving.json` shows them again.
"""

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from tests.bench.serving.figures import TITLES, Network
from tests.bench.serving.plot import plot
from tests.bench.serving.servers import SERVERS
from tests.bench.serving.statements import statements

_ALONE = {"stream1000": ("npy, answered in streamed lines", 1000), "csv1000": ("CSV, answered in lines", 1000)}
"""What this server alone is asked: a title, images."""


def show(content: dict[str, Any], console: Console) -> None:
    """Print the tables and the statements."""
    console.width = max(console.width, 150)  # a table is read as a whole, in a file too
    console.print(f"{content['date']}, commit {content['commit']}, {content['cpu']}; {len(content['rounds'])} rounds")
    for name, summary in content["summary"].items():
        network = Network(summary)
        for kind in network.kinds():
            console.print(_table(network, f"{name}: {TITLES[kind]}", kind))
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


@click.command(
    epilog="""\b
    Example:
      python -m tests.bench.serving.report tests/bench/serving/serving.json
    """
)
@click.argument("results", type=click.Path(exists=True, path_type=Path))
def main(results: Path) -> None:
    """Show the figures in RESULTS again, and draw the plot beside it anew."""
    content = json.loads(results.read_bytes())
    show(content, Console())
    plot(content, results.with_suffix(".png"))


if __name__ == "__main__":
    main()
