"""This server, an earlier commit's and its peers side by side: `make bench-serving`.

    every round, every server in turn, alone on core 0:
        docker run -> seconds to the first 200 -> memory -> its answers checked -> load from core 1 -> memory -> removed
    all rounds -> medians, ratios -> tables, targets, serving.json and serving.png beside this file

Every server but `predict` serves the same network with LiteRT, which is timed alone in each round, too.
"""

import json
import os
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from tests.bench import machine
from tests.bench.serving import baseline, bodies, load, report
from tests.bench.serving.containers import LOAD_CORE, SERVER_CORE, Container, docker, serving, size
from tests.bench.serving.plot import plot
from tests.bench.serving.servers import SERVERS, Server
from traffic_signs.data.dataset import Dataset

_RESULTS = Path(__file__).with_name("serving.json")
_TOTALS = ("requests", "errors", "lost", "wrong")
"""Figures that are added up over the rounds: a median would hide what was lost in one of them."""


class _Names(click.ParamType[tuple[str, ...]]):
    """Names with commas between them."""

    name = "names"

    def __init__(self, known: Sequence[str]) -> None:
        self._known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        names = tuple(value.split(",")) if isinstance(value, str) else tuple(value)
        for name in names:
            if name not in self._known:
                self.fail(f"{name!r} is none of {', '.join(self._known)}", param, ctx)
        return names


@dataclass(frozen=True)
class _Loads:
    """What every server is loaded with."""

    loader: Container
    port: int
    requests: Mapping[str, bodies.Body]
    expected: Mapping[str, Sequence[np.ndarray]]
    connections: tuple[int, ...]
    seconds: float

    def run(self, name: str) -> dict[str, Any]:
        """Check and load a server; return why it refuses which kinds, and kind -> connections -> figures of others."""
        refused: dict[str, str] = {}
        loads: dict[str, dict[str, dict[str, float]]] = {}
        for kind, body in self.requests.items():
            numbers = [number for number in self.connections if number in body.kind.connections]
            if not numbers or not (body.kind.compared or name in ("ours", "baseline")):
                continue
            try:
                figures = (self._checked if body.kind.checked else self._fast)(body, SERVERS[name], numbers)
            except RuntimeError as error:
                refused[kind] = str(error)
            else:
                loads[kind] = {str(number): asdict(found) for number, found in figures.items()}
        return {"refused": refused, "loads": loads}

    def _checked(self, body: bodies.Body, _server: Server, numbers: list[int]) -> dict[int, load.Figures]:
        expected = self.expected[body.name]
        return {
            number: load.checked(self.loader, self.port, body, number, self.seconds, expected=expected)
            for number in numbers
        }

    def _fast(self, body: bodies.Body, server: Server, numbers: list[int]) -> dict[int, load.Figures]:
        url = f"http://127.0.0.1:{self.port}{server.path}"
        if server.answers and (reason := body.refused(url, self.expected[body.name])):
            raise RuntimeError(reason)
        one = load.run(self.loader, url, body, 1, self.seconds)
        cycle = 1 / (one.throughput or 1)
        return {
            number: one if number == 1 else load.run(self.loader, url, body, number, self.seconds, cycle=number * cycle)
            for number in numbers
        }


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
    "--kinds", type=_Names(list(bodies.KINDS)), default=tuple(bodies.KINDS), help="Of requests; default: all."
)
@click.option("--connections", type=click.IntRange(1), multiple=True, default=(1, 16, 64), show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.1), default=1.5, show_default=True, help="Of each load, at least.")
@click.option("--image", default="traffic-signs:cpu", show_default=True, help="This project's own.")
@click.option("--baseline-image", help="This project's own of an earlier commit.")
@click.option("--bench-image", default="traffic-signs:bench-serving", show_default=True, help="The peers'.")
@click.option("--port", type=click.IntRange(1024, 65535), default=18080, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=_RESULTS, help="JSON; the plot goes beside it.")
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
    """Compare the servers, with images of the arrays in PREPARED; all servers and rounds take about an hour."""
    os.sched_setaffinity(0, {LOAD_CORE})  # nor does this process disturb the servers
    console = Console()
    names = tuple(name for name in servers if baseline_image or name != "baseline")
    images = {"current": image, "bench": bench_image} | ({"baseline": baseline_image} if baseline_image else {})
    pixels = Dataset.load(prepared / "test" / "test.npz").images[:64]
    requests = {kind: body for kind, body in bodies.make(pixels).items() if kind in kinds}
    network = json.loads((model / "artifact.json").read_bytes())["preset"]
    sizes = {name: size(tag) for name, tag in images.items() if name != "bench"}
    versions = _versions(bench_image, names)
    content: dict[str, Any] = {**machine.describe(), "versions": versions, "image_mb": sizes, "rounds": []}
    if baseline_image:
        content["baseline"] = baseline_image
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "bodies").mkdir()
        for kind, body in requests.items():
            (folder / "bodies" / kind).write_bytes(body.encoded())
        models = {"current": model, "bench": model}
        if baseline_image:
            models["baseline"] = baseline.readable(model, baseline_image, folder)
        loader = load.container(bench_image, folder / "bodies")
        loads = _Loads(loader, port, requests, bodies.answers(model, pixels), connections, seconds)
        try:
            for turn in range(rounds):
                found: dict[str, Any] = {"floor": _floor(image, model, folder / "bodies", requests)}
                content["rounds"].append({network: found})
                for name in names[turn % len(names) :] + names[: turn % len(names)]:
                    with serving(SERVERS[name], images, models[SERVERS[name].image], port) as (server, start):
                        memory = server.memory()
                        loaded = loads.run(name)
                        found[name] = {"start": start, "memory_start": memory, "memory": server.memory(), **loaded}
                    console.log(f"round {turn + 1} of {rounds}: {SERVERS[name].title}", loaded["refused"] or "")
                content["summary"] = _summary(content["rounds"])
                output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")  # anew: hours are not lost
        finally:
            loader.remove()
    report.show(content, console)
    plot(content, output.with_suffix(".png"))


def _floor(image: str, model: Path, folder: Path, requests: Mapping[str, bodies.Body]) -> dict[str, dict[str, float]]:
    """Return kind -> microseconds of decoding, the engine and encoding, alone on the servers' core."""
    kinds = [kind for kind, body in requests.items() if body.kind.compared]
    mounts = {model: "/opt/ml/model", Path(__file__).with_name("peers"): "/opt/peers", folder: load.BODIES}
    volumes = [word for source, place in mounts.items() for word in ("--volume", f"{source.resolve()}:{place}:ro")]
    command = ("python", "/opt/peers/floor.py", load.BODIES, *kinds)
    printed = docker("run", "--rm", "--cpuset-cpus", str(SERVER_CORE), *volumes, image, *command)
    found: dict[str, dict[str, float]] = json.loads(printed)
    return found


def _versions(image: str, servers: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Return the versions of what each peer is made of."""
    program = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    found = {}
    for name in servers:
        if SERVERS[name].packages:
            folder, *packages = SERVERS[name].packages
            printed = docker("run", "--rm", image, f"/opt/{folder}/bin/python", "-c", program, *packages)
            found[name] = dict(zip(packages, printed.split(), strict=True))
    return found


def _summary(found: Any, key: str = "") -> Any:
    """Return medians or totals over the rounds, in the rounds' own structure."""
    first = found[0]
    if isinstance(first, dict):
        return {key: _summary([item[key] for item in found if key in item], key) for key in first}
    if isinstance(first, str):
        return first
    return sum(found) if key in _TOTALS else statistics.median(found)


if __name__ == "__main__":
    main()
