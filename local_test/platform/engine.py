"""What this process creates in the Docker engine and on the host: all of it has its label, and ends with it.

    command  ->  start, create, private_network  ->  processes, containers, networks  ->  kill_all

A run removes only what has its own label, so that runs side by side do not disturb each other.
"""

import contextlib
import csv
import io
import os
import signal
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

DOCKER = os.environ.get("DOCKER", "docker")
_RUN = uuid.uuid4().hex[:12]
RUN_LABEL = ("--label", f"local-test={_RUN}")
"""Options that label what this process creates in the engine, so that `kill_all` finds it, and nothing else."""
_CLIENT_SECONDS = 10.0
"""How long `kill_all` waits for a Docker client that has requested something."""
_programs: "list[subprocess.Popen[bytes]]" = []
_clients: "list[subprocess.Popen[bytes]]" = []
"""Docker clients that create something; they end when their container is removed."""
_lock = threading.RLock()
_shutting_down = threading.Event()


def start(
    command: list[str], environment: Mapping[str, str], log: IO[bytes] | int | None, errors: IO[bytes] | int | None,
    *, client: bool,
) -> "subprocess.Popen[bytes]":  # fmt: skip
    """Start a process in its own session, so that Ctrl-C reaches only the caller.

    Args:
        command: program and arguments.
        environment: all of its environment variables.
        log: receives stdout; None to inherit the caller's.
        errors: receives stderr; None to inherit the caller's.
        client: it is a Docker client that creates something, and ends when that is removed.

    Raises:
        InterruptedError: `kill_all` has been called.
    """
    with _lock:  # `kill_all` must know every process that starts before it
        if _shutting_down.is_set():
            raise InterruptedError("the run has been interrupted")
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=errors, start_new_session=True)
        (_clients if client else _programs).append(process)
    return process


def create(*words: str) -> "subprocess.CompletedProcess[bytes]":
    """Run `docker WORDS`, which creates a container or network with `RUN_LABEL`, even if Ctrl-C is pressed meanwhile.

    Raises:
        InterruptedError: `kill_all` has been called.
    """
    process = start([DOCKER, *words], os.environ, subprocess.PIPE, subprocess.PIPE, client=True)
    output, errors = process.communicate()
    return subprocess.CompletedProcess(words, process.returncode, output, errors)


@contextlib.contextmanager
def private_network(*, internal: bool) -> Iterator[str]:
    """Yield the name of a new network, if *internal* without access to the outside, and remove it at the end."""
    name = unique_name("network")
    create("network", "create", *RUN_LABEL, *(["--internal"] if internal else []), name).check_returncode()
    try:
        yield name
    finally:
        subprocess.run([DOCKER, "network", "rm", name], check=False, capture_output=True)


@contextlib.contextmanager
def free_port() -> Iterator[int]:
    """Yield a port of 127.0.0.1 that no other check takes meanwhile: each holds a socket named after its port."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                claim.bind(f"\0local-test-{port}")
            except OSError:  # another check has it, whose server does not listen yet
                continue
            yield port
            return


def mount(source: Path, target: str, *, read_only: bool = False) -> list[str]:
    """Return the options that mount *source*, whose name may have a colon, which --volume would take for its own."""
    fields = ["type=bind", f"source={source.resolve()}", f"target={target}", *(["readonly"] if read_only else [])]
    csv.writer(line := io.StringIO(), lineterminator="").writerow(fields)
    return ["--mount", line.getvalue()]


def unique_name(kind: str) -> str:
    """Return a name for a container or network that says which run made it."""
    return f"local-test-{_RUN}-{kind}-{uuid.uuid4().hex[:6]}"


def kill_all() -> None:
    """Kill all programs and remove all containers and networks of this process, and prevent further starts.

    A killed Docker client may have requested a container that appears only later. So the clients end by themselves,
    when their containers are gone.
    """
    with _lock:
        _shutting_down.set()
    for process in _programs:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + _CLIENT_SECONDS
    waiting = bool(_clients)
    while waiting:
        running = [client for client in _clients if client.poll() is None]
        _remove("ps", "--all", remove=("rm", "--force", "--volumes"))
        waiting = bool(running)
        if waiting and time.monotonic() > deadline:
            for client in running:
                client.kill()
        time.sleep(0.02)
    if _clients:
        _remove("network", "ls", remove=("network", "rm"))


def _remove(*listing: str, remove: tuple[str, ...]) -> None:
    """Remove what *listing* finds of this run, all at the same time."""
    words = [DOCKER, *listing, "--quiet", "--filter", f"label={RUN_LABEL[1]}"]
    found = subprocess.run(words, check=False, capture_output=True, text=True, start_new_session=True).stdout.split()
    removals = [
        subprocess.Popen([DOCKER, *remove, each], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for each in found
    ]
    for removal in removals:
        removal.wait()
