"""Measurements of a running server, and of decoding, engine and encoding alone."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.serving import bodies, load
from tests.bench.serving.containers import SERVER_CORE, Container, docker
from tests.bench.serving.servers import SERVERS, Server


@dataclass(frozen=True)
class Loads:
    """The loads that every server gets."""

    loader: Container
    port: int
    requests: Mapping[str, bodies.Body]
    expected: Mapping[str, Sequence[np.ndarray]]
    connections: tuple[int, ...]
    seconds: float

    def run(self, name: str, server: Container) -> dict[str, Any]:
        """Check and load a server.

        Returns:
            "memory_start", "memory": MB before and after the requests that all servers get; "refused": kind -> reason;
            "loads": kind -> connections -> figures.
        """
        found: dict[str, Any] = {"memory_start": server.memory(), "refused": {}, "loads": {}}
        for kind in (kind for kind, body in self.requests.items() if body.kind.compared):
            self._load(name, kind, server, found)
        # before the large bodies, which peers do not get
        found["memory"] = server.memory()
        if name in ("ours", "baseline"):
            for kind in (kind for kind, body in self.requests.items() if not body.kind.compared):
                self._load(name, kind, server, found)
        return found

    def _load(self, name: str, kind: str, server: Container, found: dict[str, Any]) -> None:
        body = self.requests[kind]
        if numbers := [number for number in self.connections if number in body.kind.connections]:
            try:
                figures = (self._run_client if body.kind.checked else self._run_h2load)(body, SERVERS[name], numbers)
            except RuntimeError as error:
                if not server.running():
                    raise
                found["refused"][kind] = str(error).splitlines()[-1]
            else:
                found["loads"][kind] = {str(number): asdict(figure) for number, figure in figures.items()}

    def _run_client(self, body: bodies.Body, _server: Server, numbers: list[int]) -> dict[int, load.Figures]:
        expected = self.expected[body.name]
        return {
            number: load.checked(self.loader, self.port, body, number, self.seconds, expected=expected)
            for number in numbers
        }

    def _run_h2load(self, body: bodies.Body, server: Server, numbers: list[int]) -> dict[int, load.Figures]:
        url = f"http://127.0.0.1:{self.port}{server.path}"
        if server.answers and (reason := body.rejection(url, self.expected[body.name])):
            raise RuntimeError(reason)
        one = load.run(self.loader, url, body, 1, self.seconds)
        cycle = 1 / (one.throughput or 1)
        return {
            number: one if number == 1 else load.run(self.loader, url, body, number, self.seconds, cycle=number * cycle)
            for number in numbers
        }


def time_parts(image: str, model: Path, requests: Mapping[str, bodies.Body]) -> dict[str, dict[str, float]]:
    """Return kind -> part -> microseconds of decoding, engine and encoding, alone on the servers' core."""
    with tempfile.TemporaryDirectory() as folder:
        kinds = [kind for kind, body in requests.items() if body.kind.compared]
        for kind in kinds:
            (Path(folder) / kind).write_bytes(requests[kind].encoded())
        peers = Path(__file__).with_name("peers").resolve()
        mounts = {model.resolve(): "/opt/ml/model", peers: "/opt/peers", Path(folder): load.BODIES}
        volumes = [word for source, place in mounts.items() for word in ("--volume", f"{source}:{place}:ro")]
        command = ("python", "-m", "limits.floor", load.BODIES, *kinds)
        printed = docker(
            "run",
            "--rm",
            "--cpuset-cpus",
            str(SERVER_CORE),
            "--env",
            "PYTHONPATH=/opt/peers",
            *volumes,
            image,
            *command,
        )
    found: dict[str, dict[str, float]] = json.loads(printed)
    return found
