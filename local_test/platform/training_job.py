"""Training job, run as the platform does: variables, mounts, network, log, signals.

image, folder for /opt/ml, Setup  ->  start_job  ->  Job: lines with times, SIGTERM, SIGKILL, exit code
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from local_test.platform import opt_ml
from local_test.platform.container import Program, gpu_options, platform_of
from local_test.platform.engine import DOCKER, RUN_LABEL, mount, unique_name
from local_test.platform.processes import descendants, raise_if_ended_from_outside, takes_sigterm

STOP_SECONDS = 120
"""Time from SIGTERM to SIGKILL after StopTrainingJob, at the end of MaxRuntime and for a spot interruption."""
FAILURE_CHARACTERS = 1024
"""Length of /opt/ml/output/failure that becomes the job's FailureReason."""


@dataclass(frozen=True)
class Setup:
    """Settings of a container besides its /opt/ml; the defaults are the minimum of any job."""

    variables: Mapping[str, str] = field(default_factory=dict)
    whole_mount: bool = False
    """/opt/ml is one mount, which hides the image's files there; else each of its folders is a mount."""
    read_only: bool = True
    """The channels are read-only, as in FastFile mode."""
    network: str = "bridge"
    """Name of the Docker network; "none" is network isolation."""
    addresses: Mapping[str, str] = field(default_factory=dict)
    """Addresses of other machines, by names that the network need not know."""
    hostname: str | None = None
    """Hostname of the machine; None for the host's name in resourceconfig.json."""
    full_model: bool = False
    """The disk of /opt/ml/model has no space for any file."""
    entrypoint: tuple[str, ...] = ()
    """The API's ContainerEntrypoint and ContainerArguments; empty for the image's entry point and `train`."""


@dataclass(frozen=True)
class Line:
    """A line of the log."""

    seconds: float
    """Time since the start of the job."""
    text: str
    stdout: bool
    """Whether the line came from stdout; else from stderr."""


class Job:
    """A started job; `start_job` makes sure that it ends."""

    def __init__(self, command: Program) -> None:
        """Start *command*, and collect its log in *lines*."""
        self.command, self._started, self._begun = command, time.monotonic(), time.time()
        self._sent: list[int] = []
        self.lines: list[Line] = []
        self.process = command.start(subprocess.PIPE, subprocess.PIPE)
        self._first_pid = None if command.container else self.process.pid
        streams = (self.process.stdout, self.process.stderr)
        self._readers = [threading.Thread(target=self._read, args=(stream,), daemon=True) for stream in streams]
        for reader in self._readers:
            reader.start()

    @property
    def seconds(self) -> float:
        """Time since the start."""
        return time.monotonic() - self._started

    @property
    def log(self) -> str:
        """The log so far."""
        return "\n".join(line.text for line in self.lines)

    def wait(self, seconds: float, until: Callable[[], bool] = lambda: False) -> int | None:
        """Wait until the job ends or *until* returns true; return the exit code, or None if it still runs."""
        deadline = time.monotonic() + seconds
        while (code := self.process.poll()) is None and time.monotonic() < deadline and not until():
            time.sleep(0.01)
        if code is not None:
            for reader in self._readers:
                reader.join(10)
        return code

    def handles_sigterm(self) -> bool | None:
        """Return whether process 1 takes SIGTERM, see `takes_sigterm`; None if that cannot be read."""
        if self.command.container:
            command = [DOCKER, "exec", self.command.container, "cat", "/proc/1/status"]
            return takes_sigterm(subprocess.run(command, check=False, capture_output=True, text=True).stdout)
        path = Path(f"/proc/{self.process.pid}/status")
        return takes_sigterm(path.read_text(encoding="utf-8")) if path.exists() else None

    def cpu_seconds(self) -> float | None:
        """Return the CPU time of its running processes so far; None if it cannot be read."""
        if self._first_pid is None and self.command.container:
            words = [DOCKER, "inspect", "--format", "{{.State.Pid}}", self.command.container]
            found = subprocess.run(words, check=False, capture_output=True, text=True).stdout.strip()
            self._first_pid = int(found) if found not in ("", "0") else None
        processes = descendants(self._first_pid) if self._first_pid else []
        return sum(process.ticks for process in processes) / os.sysconf("SC_CLK_TCK") if processes else None

    def terminate(self) -> None:
        """Send SIGTERM, as the platform does first."""
        if self.process.poll() is None:
            self._sent.append(signal.SIGTERM)
            self.process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to all of its processes."""
        if self.process.poll() is not None:
            return
        self._sent.append(signal.SIGKILL)
        if self.command.container:
            subprocess.run([DOCKER, "kill", self.command.container], check=False, capture_output=True)
        if not self.command.container or self.wait(10) is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.wait(10)

    def judge_end(self) -> None:
        """Raise EndedFromOutsideError if something other than this run has ended the container."""
        code = self.process.poll()
        if self.command.container and code is not None and signal.SIGKILL not in self._sent:
            raise_if_ended_from_outside(self.command.container, code, self._begun, self._sent)

    def _read(self, stream: IO[bytes]) -> None:
        with stream:  # close it: a check starts more jobs than a process may have open files
            for line in stream:
                text = line.decode(errors="replace").rstrip("\n")
                self.lines.append(Line(self.seconds, text, stream is self.process.stdout))


@contextlib.contextmanager
def start_job(
    image: str | None, programs: Path | None, base: Path, channels: Mapping[str, Path], setup: Setup
) -> Iterator[Job]:
    """Start `train` with the tree that `opt_ml.write` wrote to *base*; kill it at the end if it still runs.

    Without an image, `train` in the folder *programs* runs on the host, where only the variables of the setup apply.

    Raises:
        ValueError: there is neither an image nor *programs*.
        EndedFromOutsideError: at the end, if something other than this run has ended the container.
    """
    if image:
        command = _container(image, base, channels, setup)
    elif programs:
        command = _host_program(programs, base, channels, setup)
    else:
        raise ValueError("neither an image nor programs to run")
    job = Job(command)
    try:
        yield job
    finally:
        job.kill()
        job.judge_end()


def _container(image: str, base: Path, channels: Mapping[str, Path], setup: Setup) -> Program:
    host = opt_ml.current_host(base)
    name = unique_name("train")
    words = [DOCKER, "run", "--rm", *RUN_LABEL, "--name", name, "--platform", platform_of(image)]
    words += ["--hostname", setup.hostname or host, "--network", setup.network, *gpu_options()]
    if setup.network not in ("none", "bridge"):
        words += ["--network-alias", host]
    elif setup.hostname:
        words += ["--add-host", f"{host}:127.0.0.1"]
    for machine, address in setup.addresses.items():
        words += ["--add-host", f"{machine}:{address}"]
    for key, value in setup.variables.items():
        words += ["--env", f"{key}={value}"]
    parts = [part for part in base.iterdir() if not (setup.full_model and part.name == "model")]
    for part, place in [(base, "")] if setup.whole_mount else [(part, f"/{part.name}") for part in parts]:
        words += mount(part, f"/opt/ml{place}")
    for channel, folder in channels.items():
        words += mount(folder, f"/opt/ml/input/data/{channel}", read_only=setup.read_only)
    if setup.full_model:
        words += ["--tmpfs", "/opt/ml/model:size=4k,nr_inodes=1"]
    first, rest = setup.entrypoint[:1], setup.entrypoint[1:]
    words += ["--entrypoint", *first, image, *rest] if first else [image, "train"]
    return Program(words, {}, name)


def _host_program(programs: Path, base: Path, channels: Mapping[str, Path], setup: Setup) -> Program:
    for name, folder in channels.items():
        (base / "input" / "data" / name).symlink_to(folder.resolve(), target_is_directory=True)
    folders = [str(programs.resolve()), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    environment = {**setup.variables, "SAGEMAKER_BASE_DIR": str(base.resolve()), "PATH": os.pathsep.join(folders)}
    return Program([str((programs / "train").resolve())], environment)
