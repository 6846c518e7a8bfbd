"""Run `train` or `serve` as the platform runs it: in a container, or bare where no engine is.

Either way a `Program` is a command line for a child process that SIGTERM reaches: `docker run` in
the foreground hands the signal on to process 1 of the container.
"""

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import click

from local_test.platform.opt_ml import HOST, VARIABLES

DOCKER = os.environ.get("DOCKER", "docker")
RUN_LABEL = ("--label", f"local-test={uuid.uuid4().hex}")
"""Options that mark the containers of this process, so that none is left behind."""
_REPOSITORY = Path(__file__).resolve().parents[2]
_processes: "list[subprocess.Popen[bytes]]" = []
_shutting_down = threading.Event()


@dataclass(frozen=True)
class Program:
    """A command line, what it needs in its environment, and the container's name, if it is one."""

    command: list[str]
    environment: Mapping[str, str]
    container: str | None = None

    def start(
        self, log: IO[bytes] | int | None = None, errors: IO[bytes] | int | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start it, its output going to *log* or to ours, that on stderr to *errors* if that is given.

        It gets a session of its own, so that Ctrl-C reaches only the caller.
        """
        if _shutting_down.is_set():
            raise InterruptedError("the run is over")
        process = subprocess.Popen(
            self.command,
            env={**os.environ, **self.environment},
            stdout=log,
            stderr=errors or (subprocess.STDOUT if log else None),
            start_new_session=True,
        )
        _processes.append(process)
        return process

    def stop(self, process: "subprocess.Popen[bytes]", grace_seconds: float) -> int:
        """Stop it as the platform does: SIGTERM, then SIGKILL after the grace; return its exit code."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            if self.container:
                subprocess.run([DOCKER, "kill", self.container], check=False, capture_output=True)
            process.kill()
            return process.wait()


def kill_all() -> None:
    """Kill every program and remove every container and network of this process; nothing can be started any more."""
    _shutting_down.set()
    running = [process for process in _processes if process.poll() is None]
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    if not engine_reachable():
        return
    if running:
        time.sleep(1)  # a client that was killed may have asked for a container that comes only now
    listed = [DOCKER, "ps", "--all", "--quiet", "--filter", f"label={RUN_LABEL[1]}"]
    while left := subprocess.run(listed, check=False, capture_output=True, text=True).stdout.split():
        subprocess.run([DOCKER, "rm", "--force", "--volumes", *left], check=False, capture_output=True)
    prune = [DOCKER, "network", "prune", "--force", "--filter", f"label={RUN_LABEL[1]}"]
    subprocess.run(prune, check=False, capture_output=True)


def engine_reachable() -> bool:
    """Say whether a Docker engine answers."""
    if shutil.which(DOCKER) is None:
        return False
    return subprocess.run([DOCKER, "info"], check=False, capture_output=True).returncode == 0


def usable_image(image: str | None) -> str | None:
    """Return *image* if it can be run here, else None, and say so."""
    if image and engine_reachable():
        return image
    if image:
        click.echo("No Docker engine is reachable: the bare programs run in place of the container.", err=True)
    return None


def training_program(image: str | None, base: Path, channels: Mapping[str, Path]) -> Program:
    """`train`, with the tree at *base* as /opt/ml and each channel a read-only folder in it."""
    inputs = base / "input" / "data"
    if image is None:
        for name, folder in channels.items():
            (inputs / name).symlink_to(folder.resolve(), target_is_directory=True)
        return _host_program("train", base, {"SAGEMAKER_TRAINING_MODULE": "traffic_signs.training.main:main"})
    mounts = {base: "/opt/ml"} | {folder: f"/opt/ml/input/data/{name}:ro" for name, folder in channels.items()}
    variables = [word for name, value in VARIABLES.items() for word in ("--env", f"{name}={value}")]
    return _container(image, "train", mounts, [*variables, *gpu_options()])


@functools.cache
def gpu_options() -> tuple[str, ...]:
    """Return the option that hands the host's GPUs on, where the engine can do so."""
    asked = [DOCKER, "info", "--format", "{{json .Runtimes}}"]
    runtimes = subprocess.run(asked, check=False, capture_output=True, text=True).stdout
    return ("--gpus", "all") if '"nvidia"' in runtimes else ()


def serving_program(image: str | None, base: Path, port: int) -> Program:
    """`serve`, with the model at *base*/model, read-only as on the platform, on *port* of 127.0.0.1."""
    if image is None:
        return _host_program("serve", base, {"SAGEMAKER_BIND_TO_PORT": str(port)})
    return _container(image, "serve", {base / "model": "/opt/ml/model:ro"}, ["--publish", f"127.0.0.1:{port}:8080"])


def restore_owner(image: str, folder: Path, user: int, group: int) -> None:
    """Make *folder*, which a container filled as root, belong to the person who ran it; an image may have no chown."""
    command = ["run", "--rm", "--volume", f"{folder.resolve()}:/folder", "--entrypoint", "chown", image]
    subprocess.run([DOCKER, *command, "-R", f"{user}:{group}", "/folder"], check=False)


def _container(image: str, verb: str, mounts: Mapping[Path, str], options: list[str]) -> Program:
    name = f"local-{verb}-{uuid.uuid4().hex[:8]}"
    volumes = [word for folder, place in mounts.items() for word in ("--volume", f"{folder.resolve()}:{place}")]
    command = [DOCKER, "run", "--rm", *RUN_LABEL, "--name", name, "--hostname", HOST, "--platform", "linux/amd64"]
    return Program([*command, *volumes, *options, image, verb], {}, name)


def _host_program(verb: str, base: Path, environment: dict[str, str]) -> Program:
    scripts = Path(sys.executable).parent
    command = str(scripts / "train") if verb == "train" else str(_REPOSITORY / "docker" / "serve")
    return Program(
        [command],
        {
            "SAGEMAKER_BASE_DIR": str(base.resolve()),
            "PYTHONUNBUFFERED": "1",
            "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
            **environment,
        },
    )
