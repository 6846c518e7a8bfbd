"""A training job as the platform runs it: its container's variables, mounts and network, its log, its end.

image, folder for /opt/ml, Setup  ->  start_job  ->  Job: lines with times, SIGTERM, SIGKILL, exit code
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from local_test.platform import opt_ml
from local_test.platform.container import DOCKER, RUN_LABEL, Program, gpu_options

STOP_SECONDS = 120
"""Between SIGTERM and SIGKILL, for StopTrainingJob, the end of MaxRuntime and a spot instance that is taken back."""
FAILURE_CHARACTERS = 1024
"""So much of /opt/ml/output/failure becomes the job's FailureReason."""


@dataclass(frozen=True)
class Setup:
    """What a container gets besides its tree; as it stands, the least that any job has."""

    variables: Mapping[str, str] = field(default_factory=dict)
    whole_mount: bool = False
    """/opt/ml is one mount that hides all the image has there; else only its folders are mounts."""
    read_only: bool = True
    """The channels are, as they are in FastFile mode."""
    network: str = "bridge"
    """Of the engine's; "none" is network isolation."""
    hostname: str | None = None
    """The machine's name where it is another than the host's in resourceconfig.json."""
    full_model: bool = False
    """The disk for /opt/ml/model has no room for a single file."""
    entrypoint: tuple[str, ...] = ()
    """In place of the image's own and of the argument `train`: the API's ContainerEntrypoint and ContainerArguments."""


@dataclass(frozen=True)
class Line:
    """A line of the log."""

    seconds: float
    """Since the start."""
    text: str
    stdout: bool
    """Else it came by stderr."""


class Job:
    """A job that was started; `start_job` makes sure that it ends."""

    def __init__(self, command: Program) -> None:
        """Start *command* with its log in *lines* from now on."""
        self.command, self._started = command, time.monotonic()
        self.lines: list[Line] = []
        self.process = command.start(subprocess.PIPE, subprocess.PIPE)
        streams = (self.process.stdout, self.process.stderr)
        self._readers = [threading.Thread(target=self._read, args=(stream,), daemon=True) for stream in streams]
        for reader in self._readers:
            reader.start()

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started

    @property
    def log(self) -> str:
        """All of it so far."""
        return "\n".join(line.text for line in self.lines)

    def wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> int | None:
        """Wait for the end, or for *until* to be true; return the exit code, or None if it still runs."""
        deadline = time.monotonic() + seconds
        while (code := self.process.poll()) is None and time.monotonic() < deadline and not until():
            time.sleep(0.01)
        if code is not None:
            for reader in self._readers:
                reader.join(10)
        return code

    def handles_sigterm(self) -> bool | None:
        """Say whether the first process has a handler for SIGTERM; None where that cannot be read.

        The kernel gives process 1 of a container no signal that it has no handler for.
        """
        if self.command.container:
            asked = [DOCKER, "exec", self.command.container, "cat", "/proc/1/status"]
            status = subprocess.run(asked, check=False, capture_output=True, text=True).stdout
        else:
            path = Path(f"/proc/{self.process.pid}/status")
            status = path.read_text(encoding="utf-8") if path.exists() else ""
        caught = [line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:")]
        return bool(int(caught[0], 16) >> (signal.SIGTERM - 1) & 1) if caught else None

    def terminate(self) -> None:
        """Send SIGTERM, as the platform does first."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to all of its processes."""
        if self.process.poll() is not None:
            return
        if self.command.container:
            subprocess.run([DOCKER, "kill", self.command.container], check=False, capture_output=True)
        if not self.command.container or self.wait(10) is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.wait(10)

    def _read(self, stream: IO[bytes]) -> None:
        with stream:  # what was started is kept until the end of a check, which starts more than a process may open
            for line in stream:
                text = line.decode(errors="replace").rstrip("\n")
                self.lines.append(Line(self.seconds, text, stream is self.process.stdout))


@contextlib.contextmanager
def start_job(
    image: str | None, programs: Path | None, base: Path, channels: Mapping[str, Path], setup: Setup
) -> Iterator[Job]:
    """Start `train` on the tree that `opt_ml.write` wrote at *base*; kill it at the end if it still runs.

    Without an image, `train` from the folder *programs* runs in place of the container, and of the setup only the
    variables count.
    """
    if image:
        command = _container(image, base, channels, setup)
    elif programs:
        command = _bare(programs, base, channels, setup)
    else:
        raise ValueError("neither an image nor programs to run")
    job = Job(command)
    try:
        yield job
    finally:
        job.kill()


def _container(image: str, base: Path, channels: Mapping[str, Path], setup: Setup) -> Program:
    host = opt_ml.current_host(base)
    name = f"job-{uuid.uuid4().hex[:8]}"
    words = [DOCKER, "run", "--rm", *RUN_LABEL, "--name", name, "--platform", "linux/amd64"]
    words += ["--hostname", setup.hostname or host, "--network", setup.network, *gpu_options()]
    if setup.network not in ("none", "bridge"):
        words += ["--network-alias", host]
    elif setup.hostname:
        words += ["--add-host", f"{host}:127.0.0.1"]
    for key, value in setup.variables.items():
        words += ["--env", f"{key}={value}"]
    base = base.resolve()
    parts = [part for part in base.iterdir() if not (setup.full_model and part.name == "model")]
    mounts = [f"{base}:/opt/ml"] if setup.whole_mount else [f"{part}:/opt/ml/{part.name}" for part in parts]
    mode = ":ro" if setup.read_only else ""
    mounts += [f"{folder.resolve()}:/opt/ml/input/data/{channel}{mode}" for channel, folder in channels.items()]
    words += [word for mount in mounts for word in ("--volume", mount)]
    if setup.full_model:
        words += ["--tmpfs", "/opt/ml/model:size=4k,nr_inodes=1"]
    first, rest = setup.entrypoint[:1], setup.entrypoint[1:]
    words += ["--entrypoint", *first, image, *rest] if first else [image, "train"]
    return Program(words, {}, name)


def _bare(programs: Path, base: Path, channels: Mapping[str, Path], setup: Setup) -> Program:
    for name, folder in channels.items():
        (base / "input" / "data" / name).symlink_to(folder.resolve(), target_is_directory=True)
    environment = {**setup.variables, "SAGEMAKER_BASE_DIR": str(base.resolve())}
    return Program([str((programs / "train").resolve())], environment)
