"""Containers pinned to cores: the server on one, the load generator on another.

All use the host's network, so that no bridge or proxy of the engine is measured.
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
    """A running container, until `remove`."""

    def __init__(
        self,
        image: str,
        command: tuple[str, ...],
        core: int,
        mounts: Mapping[Path, str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """Start *command* in *image* on *core*; *mounts* is host path -> container path, read-only."""
        self._name = f"bench-serving-{uuid.uuid4().hex[:8]}"
        options = ["--network", "host", "--cpuset-cpus", str(core), "--name", self._name]
        options += [word for host, path in mounts.items() for word in ("--volume", f"{host.resolve()}:{path}:ro")]
        options += [word for item in (environment or {}).items() for word in ("--env", "=".join(item))]
        docker("run", "--detach", *options, image, *command)

    def run(self, *command: str, seconds: float = 600) -> str:
        """Run a command in the container; return its output."""
        return docker("exec", self._name, *command, seconds=seconds)

    def memory(self) -> float:
        """Return the proportional set size of its processes, MB: shared pages and pages of files count once."""
        # a process may end while its file is read; the shell itself does not count
        lines = self.run("sh", "-c", 'for p in /proc/[0-9]*; do [ "$p" = /proc/$$ ] || cat $p/smaps_rollup; done; true')
        return sum(int(line.split()[1]) for line in lines.splitlines() if line.startswith("Pss:")) / 1024

    def log(self) -> str:
        """Return the last lines of its log."""
        done = subprocess.run([DOCKER, "logs", "--tail", "20", self._name], capture_output=True, check=False, text=True)
        return (done.stdout + done.stderr).strip()

    def running(self) -> bool:
        """Return whether it still runs."""
        return docker("inspect", "--format", "{{.State.Running}}", self._name).strip() == "true"

    def remove(self) -> None:
        """Kill and remove it."""
        docker("rm", "--force", self._name)


def docker(*arguments: str, seconds: float = 600) -> str:
    """Run a docker command; return its output.

    Raises:
        RuntimeError: the command failed; the message has its error output.
    """
    done = subprocess.run([DOCKER, *arguments], capture_output=True, check=False, text=True, timeout=seconds)
    if done.returncode:
        raise RuntimeError(f"{DOCKER} {' '.join(arguments[:8])}: {done.stderr.strip()[-2000:]}")
    return done.stdout


@dataclass(frozen=True)
class Deployment:
    """Image and model of a server."""

    image: str
    model: Path
    """Folder of the model."""


@contextlib.contextmanager
def serving(server: Server, deployments: Mapping[str, Deployment], port: int) -> Iterator[tuple[Container, float]]:
    """Start *server*; yield its container and the seconds from `docker run` to the first 200; remove it.

    Args:
        server: The server.
        deployments: "bench", "current" and "baseline" -> image and model.
        port: Port on this machine.

    Raises:
        RuntimeError: the server did not become ready, or has exited; the message has the last lines of its log.
    """
    deployment = deployments[server.image]
    words = {"$PORT": str(port)}
    environment = {key: words.get(value, value) for key, value in server.environment.items()} | {"PORT": str(port)}
    command = tuple(word.replace("$PORT", str(port)) for word in server.command)
    mounts = {deployment.model: server.model, _PEERS: "/opt/peers"}
    start = time.monotonic()
    container = Container(deployment.image, command, SERVER_CORE, mounts, environment)
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
            raise RuntimeError(f"{server.title} has exited:\n{container.log()}") from error
    finally:
        container.remove()


def size(image: str) -> float:
    """Return the size of an image in MB."""
    return int(docker("image", "inspect", "--format", "{{.Size}}", image)) / 1e6


def _ready(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False
