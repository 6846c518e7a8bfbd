"""This server and its peers side by side: `make bench-serving`.

    every round, every network, every server in turn, alone on core 0:
        docker run -> seconds to the first 200 -> its answers checked -> h2load from core 1 -> memory -> removed
    all rounds -> medians, ratios -> a table, statements, serving.json and serving.png beside this file

Every server but `predict` serves the same model.tflite with LiteRT, which is timed alone in each round, too.
"""

import json
import os
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from tests.bench import machine
from tests.bench.serving import bodies, load, report
from tests.bench.serving.containers import LOAD_CORE, SERVER_CORE, Container, docker, serving
from tests.bench.serving.plot import plot
from tests.bench.serving.servers import SERVERS
from traffic_signs.data.dataset import Dataset

_RESULTS = Path(__file__).with_name("serving.json")


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


@click.command(
    epilog="""\b
    Examples:
      python -m tests.bench.serving results/synthetic/data --model results/bench/quick/opt-ml/model
      python -m tests.bench.serving results/synthetic/data --model results/bench/quick/opt-ml/model \\
          --rounds 1 --seconds 0.5 --servers ours,mosec --kinds json --output /tmp/look.json
    """
)
@click.argument("prepared", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--model", type=click.Path(exists=True, path_type=Path), required=True, help="Model folder, for --servers."
)
@click.option("--lenet", type=click.Path(exists=True, path_type=Path), help="Model folder, for --lenet-servers.")
@click.option("--servers", type=_Names(list(SERVERS)), default=tuple(SERVERS), help="Default: all of them.")
@click.option("--lenet-servers", type=_Names(list(SERVERS)), default="ours,empty", show_default=True)
@click.option(
    "--kinds",
    type=_Names([*bodies.KINDS, *bodies.OURS]),
    default=(*bodies.KINDS, *bodies.OURS),
    help="Of requests; default: all. Some are for this server alone.",
)
@click.option("--connections", type=click.IntRange(1), multiple=True, default=(1, 16, 64), show_default=True)
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True)
@click.option("--seconds", type=click.FloatRange(0.1), default=1.5, show_default=True, help="Of each load, at least.")
@click.option("--image", default="traffic-signs:cpu", show_default=True, help="This project's own.")
@click.option("--bench-image", default="traffic-signs:bench-serving", show_default=True, help="The peers'.")
@click.option("--port", type=click.IntRange(1024, 65535), default=18080, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default=_RESULTS, help="JSON; the plot goes beside it.")
def main(
    prepared: Path,
    *,
    model: Path,
    lenet: Path | None,
    servers: tuple[str, ...],
    lenet_servers: tuple[str, ...],
    kinds: tuple[str, ...],
    connections: tuple[int, ...],
    rounds: int,
    seconds: float,
    image: str,
    bench_image: str,
    port: int,
    output: Path,
) -> None:
    """Compare the servers, with images of the arrays in PREPARED; all servers and rounds take about half an hour."""
    os.sched_setaffinity(0, {LOAD_CORE})  # nor does this process disturb the servers
    console = Console()
    requests = {kind: body for kind, body in bodies.make(_images(prepared)).items() if kind in kinds}
    preset = json.loads((model / "artifact.json").read_bytes())["preset"]
    networks = {preset: (model, servers)} | ({"lenet": (lenet, lenet_servers)} if lenet else {})
    content: dict[str, Any] = {**machine.describe(), "versions": _versions(bench_image, servers), "rounds": []}
    with tempfile.TemporaryDirectory() as folder:
        for kind, body in requests.items():
            (Path(folder) / kind).write_bytes(body.encoded())
        loader = Container(bench_image, ("sleep", "infinity"), LOAD_CORE, {Path(folder): load.BODIES})
        try:
            for turn in range(rounds):
                found: dict[str, Any] = {}
                for network, (folder_of_model, names) in networks.items():
                    expected = {kind: bodies.answers(folder_of_model, body.pixels) for kind, body in requests.items()}
                    compared = [kind for kind in requests if kind in bodies.KINDS]
                    found[network] = {"floor": _floor(image, folder_of_model, Path(folder), compared)}
                    for name in names[turn % len(names) :] + names[: turn % len(names)]:
                        with serving(SERVERS[name], {True: image, False: bench_image}, folder_of_model, port) as (
                            server,
                            start,
                        ):
                            url = f"http://127.0.0.1:{port}{SERVERS[name].path}"
                            refused, loads = _loads(
                                loader,
                                url,
                                requests if name == "ours" else {kind: requests[kind] for kind in compared},
                                expected=None if name == "empty" else expected,
                                connections=connections,
                                seconds=seconds,
                            )
                            memory = server.memory()
                        found[network][name] = {"start": start, "memory": memory, "refused": refused, "loads": loads}
                        console.log(f"round {turn + 1} of {rounds}: {network}, {SERVERS[name].title}", refused or "")
                content["rounds"].append(found)
                content["summary"] = _summary(content["rounds"])
                output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")  # anew: hours are not lost
        finally:
            loader.remove()
    report.show(content, console)
    plot(content, output.with_suffix(".png"))


def _images(prepared: Path) -> np.ndarray:
    return Dataset.load(prepared / "test" / "test.npz").images[:64]


def _loads(
    loader: Container,
    url: str,
    requests: dict[str, bodies.Body],
    *,
    expected: dict[str, np.ndarray] | None,
    connections: tuple[int, ...],
    seconds: float,
) -> tuple[dict[str, str], dict[str, dict[str, dict[str, float]]]]:
    """Check and load a server; return why it refuses which kinds, and kind -> connections -> figures of the others."""
    refused: dict[str, str] = {}
    loads: dict[str, dict[str, dict[str, float]]] = {}
    for kind, body in requests.items():
        if expected and (reason := body.refused(url, expected[kind])):
            refused[kind] = reason
            continue
        one = load.run(loader, url, body, 1, seconds)
        loads[kind] = {
            str(number): asdict(
                one
                if number == 1
                else load.run(loader, url, body, number, seconds, cycle=number / (one.throughput or 1))
            )
            for number in connections
        }
    return refused, loads


def _floor(image: str, model: Path, folder: Path, kinds: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return kind -> microseconds of decoding, the engine and encoding, alone on the servers' core."""
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


def _summary(found: Any) -> Any:
    """Return medians over the rounds, in the rounds' own structure."""
    first = found[0]
    if isinstance(first, dict):
        return {key: _summary([item[key] for item in found if key in item]) for key in first}
    return first if isinstance(first, str) else statistics.median(found)


if __name__ == "__main__":
    main()
