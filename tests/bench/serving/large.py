"""Benchmark of large bodies, none of which may be lost: `make bench-large`.

npy of 100 kB, 1 MB and 20 MB on 16 connections -> answered, lost (connection reset or closed, no answer), wrong
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from tests.bench import machine
from tests.bench.serving import baseline, bodies, load
from tests.bench.serving.containers import LOAD_CORE, serving
from tests.bench.serving.results.targets import target_line
from tests.bench.serving.servers import SERVERS
from traffic_signs.data.dataset import Dataset

_RESULTS = Path(__file__).with_name("large.json")
_SHARES = {"npy100k": 0.9, "npy1m": 0.099, "npy20m": 0.001}
"""About equally many bytes of the first two, 2 GB of the last."""
_CONNECTIONS = 16


@click.command(
    epilog="""\b
    Example:
      python -m tests.bench.serving.large results/synthetic/data results/bench/lenet/opt-ml/model --requests 3000
    """
)
@click.argument("prepared", type=click.Path(exists=True, path_type=Path))
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option("--requests", "total", type=click.IntRange(1000), default=100_000, show_default=True)
@click.option("--image", default="traffic-signs:cpu", show_default=True)
@click.option("--baseline-image", help="This project's image of an earlier commit.")
@click.option("--bench-image", default="traffic-signs:bench-serving", show_default=True, help="Image with the client.")
@click.option("--port", type=click.IntRange(1024, 65535), default=18080, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=_RESULTS, help="JSON file.")
def main(
    prepared: Path,
    model: Path,
    *,
    total: int,
    image: str,
    baseline_image: str | None,
    bench_image: str,
    port: int,
    output: Path,
) -> None:
    """Send large bodies to the image serving MODEL; PREPARED has the images."""
    os.sched_setaffinity(0, {LOAD_CORE})
    console = Console()
    pixels = Dataset.load(prepared / "test" / "test.npz").images[:64]
    made, expected = bodies.make(pixels), bodies.expected_answers(model, pixels)
    content: dict[str, Any] = {**machine.describe(), "connections": _CONNECTIONS, "servers": {}}
    with (
        load.load_generator(bench_image, (made[kind] for kind in _SHARES)) as loader,
        baseline.deployments(model, image, bench_image, baseline_image) as deployments,
    ):
        for name in ("ours", "baseline") if baseline_image else ("ours",):
            content["servers"][name] = found = {}
            with serving(SERVERS[name], deployments, port) as (server, _):
                for kind, share in _SHARES.items():
                    least = round(share * total)
                    figures = load.checked(
                        loader, port, made[kind], _CONNECTIONS, 0, expected=expected[kind], least=least
                    )
                    found[kind] = {**asdict(figures), "memory": server.memory()}
                    console.log(f"{name}, {kind}: {figures.requests:,} answered, {figures.throughput:,.1f} per second")
    output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    for name, found in content["servers"].items():
        answered, *failures = (
            sum(figures[key] for figures in found.values()) for key in ("requests", "errors", "lost", "wrong")
        )
        text = "{:,} answered, {:,} not 200, {:,} lost, {:,} wrong".format(answered, *failures)
        console.print(target_line(not any(failures), f"{SERVERS[name].title}: large bodies: {text}"))
    console.print(content["cpu"])


if __name__ == "__main__":
    main()
