"""Real jobs and servers for tests, started and stopped as the platform does."""

import contextlib
import fcntl
import io
import itertools
import json
import os
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image

from local_test.platform import container, engine, opt_ml
from tests.support.waiting import wait_until

WITH_DEFAULT_SIGINT = ("env", "--default-signal=INT")
"""Prefix of a command that handles Ctrl-C; background processes of a shell, and their children, ignore it."""


@dataclass(frozen=True)
class Job:
    """A finished training job."""

    base: Path
    code: int
    log: str

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text(encoding="utf-8")


def run_job(
    base: Path,
    channels: Mapping[str, Path],
    hyperparameters: Mapping[str, Any],
    *,
    image: str | None = None,
    raw: str | None = None,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> Job:
    """Run `train` to its end; *raw* replaces hyperparameters.json, *options* are for `docker run`."""
    opt_ml.write(base, channels, hyperparameters, opt_ml.HOST if image else "localhost")
    if raw is not None:
        (base / "input" / "config" / "hyperparameters.json").write_text(raw, encoding="utf-8")
    command = container.training_program(image, base, channels)
    words = [*command.command[:2], *options, *command.command[2:]]
    command = container.Program(words, {**command.environment, **(environment or {})}, command.container)
    with (base / "log").open("w+b") as log:
        code = command.start(log).wait(300)
        log.seek(0)
        return Job(base, code, log.read().decode())


@dataclass(frozen=True)
class Server:
    """A running serving container or program."""

    url: str
    command: container.Program
    process: "subprocess.Popen[bytes]"
    log: Path

    def post(self, body: Any, content_type: str, **headers: str) -> requests.Response:
        return requests.post(
            f"{self.url}/invocations", data=body, headers={"Content-Type": content_type, **headers}, timeout=60
        )

    def stop(self) -> int:
        return self.command.stop(self.process, 30)

    def workers(self) -> set[int]:
        """Return the process ids of the workers on this machine."""
        main = self.process.pid
        if self.command.container:
            command = [engine.DOCKER, "inspect", "--format", "{{.State.Pid}}", self.command.container]
            main = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        return {int(word) for word in Path(f"/proc/{main}/task/{main}/children").read_text().split()}


@contextlib.contextmanager
def serving(
    base: Path,
    log: Path,
    image: str | None = None,
    environment: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    *,
    patience: float = 60,
) -> Iterator[Server]:
    """Serve the model below *base* and wait until /ping answers 200 and all workers have begun.

    *options* are for `docker run`, *patience* is in seconds. With SAGEMAKER_BIND_TO_PORT in *environment*, a container
    needs the host's network.
    """
    port = int((environment or {}).get("SAGEMAKER_BIND_TO_PORT") or free_port())
    command = container.serving_program(image, base, port)
    words = list(command.command)
    if image:
        variables = [word for key, value in (environment or {}).items() for word in ("--env", f"{key}={value}")]
        words[2:2] = [*options, *variables]
    command = container.Program(words, {**command.environment, **(environment or {})}, command.container)
    with log.open("wb") as stream:
        server = Server(f"http://127.0.0.1:{port}", command, command.start(stream), log)
        try:
            wait_until(lambda: _ready(server), patience, "/ping answers 200", log.read_text)
            # the first answers before the last has begun, and a container's log comes a moment later
            count = int(wait_until(lambda: re.findall(r"workers=(\d+)", log.read_text()), 60, "the log's start")[0])
            wait_until(
                lambda: log.read_text().count("Booting worker") >= count, patience, "all workers begin", log.read_text
            )
            yield server
        finally:
            server.stop()


def _ready(server: Server) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    try:
        return requests.get(f"{server.url}/ping", timeout=2).status_code == 200
    except requests.RequestException:
        return False


def refused_start(base: Path, image: str | None, *environment: str) -> str:
    """Start a server that must fail to start; return its log."""
    command = container.serving_program(image, base, free_port())
    words = list(command.command)
    if image:
        words[2:2] = [word for pair in environment for word in ("--env", pair)]
    variables = dict(pair.split("=") for pair in environment)
    merged = container.Program(words, {**command.environment, **variables}, command.container)
    with (base / "refused.log").open("w+b") as log:
        process = merged.start(log)
        try:
            assert process.wait(60) != 0
        except subprocess.TimeoutExpired:
            merged.stop(process, 5)
            pytest.fail("the server is still running")
        log.seek(0)
        return log.read().decode()


@contextlib.contextmanager
def exclusive_lock(lock: Path) -> Iterator[None]:
    """Hold the lock file *lock*, across processes."""
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


_ports = (10_000 + number % 20_000 for number in itertools.count(997 * os.getpid()))


def free_port() -> int:
    """Return a port that no other process gets: below the kernel's client ports, and each only once.

    The processes of a test run start far from each other.
    """
    while True:
        with contextlib.suppress(OSError), socket.create_server(("", next(_ports))) as probe:
            return int(probe.getsockname()[1])


def encoded(pixels: np.ndarray, kind: str, **options: Any) -> bytes:
    """Encode pixels, uint8 [H, W] or [H, W, 3], as an image file."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def instances(array: np.ndarray) -> bytes:
    return json.dumps({"instances": array.tolist()}).encode()
