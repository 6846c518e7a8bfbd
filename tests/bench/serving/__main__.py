"""Comparison of this server with an earlier commit's and with peers: `make bench-serving`.

    every round, every server in turn, alone on core 0:
        docker run -> seconds to the first 200 -> memory -> its answers checked -> load from core 1 -> memory -> removed
    all rounds -> medians, ratios -> tables, targets, serving.json and serving.png beside this file

Every server but `predict` serves the same network with LiteRT, which each round also times alone.
"""

import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tests.bench import machine
from tests.bench.serving import baseline, bodies, load
from tests.bench.serving.containers import LOAD_CORE, docker, serving, size
from tests.bench.serving.measure import Loads, time_parts
from tests.bench.serving.results import report
from tests.bench.serving.results.plot import plot
from tests.bench.serving.servers import SERVERS
from traffic_signs.data.dataset import Dataset

_RESULTS = Path(__file__).with_name("serving.json")
_TOTALS = ("requests", "errors", "lost", "wrong")
"""Figures that are summed over the rounds, because a median would hide losses in one round."""


class _Names(click.ParamType[tuple[str, ...]]):
    """Comma-separated names."""

    name = "names"

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = tuple(value.split(",")) if isinstance(value, str) else tuple(value)
        for name in names:
            if name not in self._known:
                self.fail(f"{name!r} is none of {', '.join(self._known)}", param, ctx)
        return names


@click.command(
    epilog="""\b
    Examples:
      python -m tests.bench.serving results/synthetic/data --model results/bench/quick/opt-ml/model
      python -m tests.bench.serving results/synthetic/data --model results/bench/quick/opt-ml/model \\
          --rounds 1 --seconds 0.5 --servers ours,mosec --kinds json --output /tmp/look.json
    """
)
@click.argument("prepared", type=click.Path(exists=True, path_type=Path))
@click.option("--model", type=click.Path(exists=True, path_type=Path), required=True, help="Folder of the model.")
@click.option(
    "--servers",
    type=_Names(list(SERVERS)),
    default=tuple(name for name in SERVERS if name != "ceiling"),
    help="Default: all but `ceiling`, and `baseline` where it has an image.",
)
@click.option(
    "--kinds", type=_Names(list(bodies.KINDS)), default=tuple(bodies.KINDS), help="Kinds of requests; default: all."
)
@click.option("--connections", type=click.IntRange(1), multiple=True, default=(1, 16, 64), show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option(
    "--seconds", type=click.FloatRange(0.1), default=1.5, show_default=True, help="Minimum duration of each load."
)
@click.option("--image", default="traffic-signs:cpu", show_default=True, help="This project's image.")
@click.option("--baseline-image", help="This project's image of an earlier commit.")
@click.option("--bench-image", default="traffic-signs:bench-serving", show_default=True, help="The peers' image.")
@click.option("--port", type=click.IntRange(1024, 65535), default=18080, show_default=True)
@click.option(
    "--output", type=click.Path(path_type=Path), default=_RESULTS, help="JSON file; the plot is written beside it."
)
def main(
    prepared: Path,
    *,
    model: Path,
    servers: tuple[str, ...],
    kinds: tuple[str, ...],
    connections: tuple[int, ...],
    rounds: int,
    seconds: float,
    image: str,
    baseline_image: str | None,
    bench_image: str,
    port: int,
    output: Path,
) -> None:
    """Compare the servers on images of the arrays in PREPARED; all servers and rounds take about an hour."""
    os.sched_setaffinity(0, {LOAD_CORE})  # keeps this process off the servers' core
    console = Console()
    names = tuple(name for name in servers if baseline_image or name != "baseline")
    pixels = Dataset.load(prepared / "test" / "test.npz").images[:64]
    requests = {kind: body for kind, body in bodies.make(pixels).items() if kind in kinds}
    network = json.loads((model / "artifact.json").read_bytes())["preset"]
    own_images = {"current": image} | ({"baseline": baseline_image} if baseline_image else {})
    content: dict[str, Any] = {
        **machine.describe(),
        "images": {name: {"tag": tag, "mb": size(tag)} for name, tag in own_images.items()},
        "versions": _versions(bench_image, names),
        "rounds": [],
    }
    with (
        load.load_generator(bench_image, requests.values()) as loader,
        baseline.deployments(model, image, bench_image, baseline_image) as deployments,
    ):
        loads = Loads(loader, port, requests, bodies.expected_answers(model, pixels), connections, seconds)
        for turn in range(rounds):
            found: dict[str, Any] = {"floor": time_parts(image, model, requests)}
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                with serving(SERVERS[name], deployments, port) as (server, start):
                    found[name] = {"start": start, **loads.run(name, server)}
                console.log(f"round {turn + 1} of {rounds}: {SERVERS[name].title}", found[name]["refused"] or "")
            content["rounds"].append({network: found})
            content["summary"] = _summary(content["rounds"])
            output.write_text(
                json.dumps(content, indent=1) + "\n", encoding="utf-8"
            )  # after each round, because all rounds take an hour
    report.show(content, console)
    plot(content, output.with_suffix(".png"))


def _versions(image: str, servers: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Return the versions of each peer's packages."""
    program = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    found = {}
    for name in servers:
        if SERVERS[name].packages:
            folder, *packages = SERVERS[name].packages
            printed = docker("run", "--rm", image, f"/opt/{folder}/bin/python", "-c", program, *packages)
            found[name] = dict(zip(packages, printed.split(), strict=True))
    return found


def _summary(found: Any, key: str = "") -> Any:
    """Return medians or totals over the rounds, in the structure of a round."""
    first = found[0]
    if isinstance(first, dict):
        return {key: _summary([item[key] for item in found if key in item], key) for key in first}
    if isinstance(first, str):
        return first
    return sum(found) if key in _TOTALS else statistics.median(found)


if __name__ == "__main__":
    main()
