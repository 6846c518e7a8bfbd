"""Containers, each pinned to a core: a server on the one, what loads it on the other.

All of them have the host's network, so that no bridge or proxy of the engine's is measured.
"""

import contextlib
import os
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.bench.serving.servers import Server

DOCKER = os.environ.get("DOCKER", "docker")
SERVER_CORE, LOAD_CORE = 0, 1
_PEERS = Path(__file__).with_name("peers")
_START_SECONDS = 120


class Container:
    """A container that runs, until `remove`."""

    def __init__(
        self,
        image: str,
        command: tuple[str, ...],
        core: int,
        mounts: Mapping[Path, str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start *command* in *image*, on *core*, each folder or file of *mounts* at its place, read-only."""
        self._name = f"bench-serving-{uuid.uuid4().hex[:8]}"
        options = ["--network", "host", "--cpuset-cpus", str(core), "--name", self._name]
        options += [word for folder, place in mounts.items() for word in ("--volume", f"{folder.resolve()}:{place}:ro")]
        options += [word for item in (environment or {}).items() for word in ("--env", "=".join(item))]
        docker("run", "--detach", *options, image, *command)

    def run(self, *command: str, seconds: float = 600) -> str:
        """Run a command in it; return what it prints."""
        return docker("exec", self._name, *command, seconds=seconds)

    def memory(self) -> float:
        """Return the proportional set size of its processes, MB: shared pages count once, those of files too."""
        # a process may end meanwhile, and the shell that asks counts for nothing
        lines = self.run("sh", "-c", 'for p in /proc/[0-9]*; do [ "$p" = /proc/$$ ] || cat $p/smaps_rollup; done; true')
        return sum(int(line.split()[1]) for line in lines.splitlines() if line.startswith("Pss:")) / 1024

    def log(self) -> str:
        """Return the end of what it has printed."""
        done = subprocess.run([DOCKER, "logs", "--tail", "20", self._name], capture_output=True, check=False, text=True)
        return (done.stdout + done.stderr).strip()

    def running(self) -> bool:
        """Say whether it still runs."""
        return docker("inspect", "--format", "{{.State.Running}}", self._name).strip() == "true"

    def remove(self) -> None:
        """End it at once."""
        docker("rm", "--force", self._name)


def docker(*arguments: str, seconds: float = 600) -> str:
    """Run a command of the engine; return what it prints.

    Raises:
        RuntimeError: it failed; the message has what it said.
    """
    done = subprocess.run([DOCKER, *arguments], capture_output=True, check=False, text=True, timeout=seconds)
    if done.returncode:
        raise RuntimeError(f"{DOCKER} {' '.join(arguments[:8])}: {done.stderr.strip()[-2000:]}")
    return done.stdout


@dataclass(frozen=True)
class Place:
    """Where a server runs."""

    image: str
    model: Path
    """The folder of its model."""


@contextlib.contextmanager
def serving(server: Server, places: Mapping[str, Place], port: int) -> Iterator[tuple[Container, float]]:
    """Start *server*; give its container and the seconds from `docker run` to the first 200; end it.

    Args:
        server: which one.
        places: "bench", "current" and "baseline" -> image and model.
        port: of this machine.

    Raises:
        RuntimeError: it did not become ready, or has ended; the message has the end of its log.
    """
    place = places[server.image]
    words = {"$PORT": str(port)}
    environment = {key: words.get(value, value) for key, value in server.environment.items()} | {"PORT": str(port)}
    command = tuple(word.replace("$PORT", str(port)) for word in server.command)
    mounts = {place.model: server.model, _PEERS: "/opt/peers"}
    start = time.monotonic()
    container = Container(place.image, command, SERVER_CORE, mounts, environment)
    try:
        url = f"http://127.0.0.1:{port}{server.ready}"
        while not _ready(url):
            if time.monotonic() - start > _START_SECONDS or not container.running():
                raise RuntimeError(f"{server.title} is not ready at {url}:\n{container.log()}")
            time.sleep(0.01)
        seconds = time.monotonic() - start
        if server.path.startswith("/models/"):
            content = {"model_name": server.path.split("/")[2], "url": server.model}
            requests.post(f"http://127.0.0.1:{port}/models", json=content, timeout=60).raise_for_status()
        try:
            yield container, seconds
        except Exception as error:
            if container.running():
                raise
            raise RuntimeError(f"{server.title} has ended:\n{container.log()}") from error
    finally:
        container.remove()


def size(image: str) -> float:
    """Return the size of an image, MB."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", image)) / 1e6


def _ready(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False
