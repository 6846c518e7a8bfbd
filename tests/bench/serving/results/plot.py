"""Plot of the figures: throughput and latency for each kind of request, start time and memory."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.serving.bodies import KINDS
from tests.bench.serving.results.figures import Network
from tests.bench.serving.servers import PEERS, SERVERS


def plot(content: dict[str, Any], path: Path) -> None:
    """Draw the medians of the first network in *content* into the PNG *path*."""
    network = Network(*next(iter(content["summary"].items())))
    kinds = [kind for kind in network.kinds() if KINDS[kind].compared]
    many = max((number for kind in kinds for number in network.connections(kind) if number <= 16), default=1)
    figure = Figure(figsize=(4.2 * max(len(kinds), 2), 9), layout="constrained")
    axes = figure.subplots(3, max(len(kinds), 2), squeeze=False)
    for column, kind in enumerate(kinds):
        # the empty application answers a batch as fast as one image
        shown = [name for name in network.servers if name != "uvicorn-empty" or kind != "npy64"]
        rates = {name: network.get(name, kind, many, "throughput") for name in shown}
        _bars(axes[0, column], f"{KINDS[kind].title}\nrequests/s, {many} connections", rates, "{:,.0f}")
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
        "orange: this server; blue: peers; dotted: computed limit",
        fontsize=10,
    )
    figure.savefig(path, dpi=110)


def _bars(axis: Axes, title: str, values: dict[str, float | None], form: str) -> None:
    """Draw a bar for each server; cut off a much longer one, with dots after its number."""
    names = [name for name in reversed(values) if values[name]]
    if not names:
        axis.set_axis_off()
        return
    lengths = [values[name] or 0.0 for name in names]
    longest = 1.2 * sorted(lengths)[-2] if len(lengths) > 1 else lengths[0]
    colours = ["tab:orange" if name == "ours" else "tab:blue" if name in PEERS else "lightgray" for name in names]
    bars = axis.barh(
        [SERVERS[name].title for name in names], [min(length, longest) for length in lengths], color=colours
    )
    labels = [form.format(length) + (" ..." if length > longest else "") for length in lengths]
    axis.bar_label(bars, labels, padding=3, fontsize=8)
    axis.margins(x=0.25)
    axis.set_title(title, fontsize=10)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)
