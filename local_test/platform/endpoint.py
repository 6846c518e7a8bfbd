"""Hosting container, started, observed and stopped as the platform does.

    image or programs, model, Conditions  ->  start_endpoint  ->  Endpoint: address, process, log

Requests go to the container's own address, as on the platform: with a published port, Docker's proxy would accept
connections instead of the server. No credentials are set: a variable that points to a missing service would be less
faithful than none.
"""

import contextlib
import datetime
import ipaddress
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from local_test.platform.container import Program, endpoint_in_container, endpoint_on_host
from local_test.platform.engine import DOCKER, free_port, private_network
from local_test.platform.processes import (
    Process,
    descendants,
    listening,
    raise_if_ended_from_outside,
    takes_sigterm,
)
from local_test.platform.profiles import Conditions

_REUSE_SECONDS = 0.1
"""Less than Docker needs to start another container with the address of one that has exited."""


@dataclass(frozen=True)
class Endpoint:
    """A started container or program."""

    host: str
    port: int
    program: Program
    process: "subprocess.Popen[bytes]"
    log: Path
    model_url: str
    """Path of the model inside the container."""
    sent: dict[int, float]
    """Signals that this run has sent to it, with their time.monotonic()."""

    @property
    def alive(self) -> bool:
        """Whether it is still running."""
        return self.process.poll() is None

    def owns_address(self) -> bool:
        """Return whether it has its address, or had it a moment ago: Docker reassigns that of an exited container."""
        name, now = self.program.container, time.time()
        if name is None:
            return True
        running, finished = _inspect(name, "{{.State.Running}} {{.State.FinishedAt}}").split() or ("", "")
        if running == "true":
            return _current_address(name) == self.host
        return bool(finished) and datetime.datetime.fromisoformat(finished).timestamp() > now - _REUSE_SECONDS

    @property
    def output(self) -> str:
        """Its output so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def first_pid(self) -> int:
        """PID on the host of process 1 of the container, or of the program; 0 after it has exited."""
        if self.program.container is None:
            return self.process.pid
        return int(_inspect(self.program.container, "{{.State.Pid}}") or 0)

    def processes(self) -> list[Process]:
        """Return all processes, process 1 first."""
        return descendants(self.first_pid)

    def listening(self) -> list[tuple[str, int]]:
        """Return the addresses and ports it listens on; empty for a program on the host, which shares the network."""
        return listening(self.first_pid) if self.program.container else []

    def loopback_only(self) -> bool:
        """Return whether it listens on its port, but on loopback addresses only."""
        addresses = [ipaddress.ip_address(address) for address, port in self.listening() if port == self.port]
        return bool(addresses) and all(address.is_loopback for address in addresses)

    def kill(self, process: Process) -> bool:
        """Send SIGKILL to a process; return False if this user may not, and the container has no shell."""
        try:
            os.kill(process.pid, signal.SIGKILL)
        except PermissionError:
            words = ["exec", str(self.program.container), "sh", "-c", f"kill -9 {process.container_pid}"]
            return subprocess.run([DOCKER, *words], check=False, capture_output=True).returncode == 0
        return True

    def terminate(self) -> None:
        """Send SIGTERM, as the platform does first."""
        self.sent[signal.SIGTERM] = time.monotonic()
        self.process.send_signal(signal.SIGTERM)

    def drops_sigterm(self) -> str:
        """Return why SIGTERM does not reach the container; empty if it does, or if that cannot be read."""
        try:
            status = Path(f"/proc/{self.first_pid}/status").read_text(encoding="utf-8")
        except OSError:
            return ""
        if self.program.container is None or takes_sigterm(status) is not False:
            return ""
        name = status.splitlines()[0].partition(":")[2].strip()
        return f"process 1 ({name}) has no handler for SIGTERM, so the kernel drops the signal"

    def how_it_exited(self) -> str:
        """Return its exit code, with the line of its output that most likely says why."""
        lines = self.output.strip().splitlines()
        # the engine's reason comes before the last lines of its client
        line = next((line for line in lines if line.startswith("docker: ")), lines[-1] if lines else "no output")
        memory = ", out of memory" if self.out_of_memory() else ""
        return f"the container exited with code {self.process.returncode}{memory}: {line[:200]}"

    def out_of_memory(self) -> bool:
        """Return whether the kernel killed a process for lack of memory."""
        name = self.program.container
        return name is not None and _inspect(name, "{{.State.OOMKilled}}") == "true"


@contextlib.contextmanager
def start_endpoint(
    image: str | None, programs: Path | None, model: Path | None, base: Path, conditions: Conditions
) -> Iterator[Endpoint]:
    """Start `serve`, and yield it as soon as it has an address, which is before it listens.

    Args:
        image: name of the image; None for the program `serve` in the folder *programs*.
        programs: folder with the programs, if there is no image.
        model: folder to mount at /opt/ml/model; None for an image that contains its model.
        base: new folder for the log, and for /opt/ml of a program on the host.
        conditions: on the host only the variables and the model's path apply.

    Raises:
        EndedFromOutsideError: at the end, if something other than this run has ended the container.
    """
    base.mkdir(parents=True)
    if model and not conditions.model_read_only:
        model = Path(shutil.copytree(model, base / "copy"))
    with contextlib.ExitStack() as stack:
        if image is None:
            port = stack.enter_context(free_port())
            program = endpoint_on_host(programs or Path(), model, base, conditions, port)
        else:
            network = "bridge" if conditions.network else stack.enter_context(private_network(internal=True))
            program, port = endpoint_in_container(image, model, network, conditions), conditions.port
        log, begun, sent = base / "log", time.time(), dict[int, float]()
        with log.open("wb") as stream:
            process = program.start(stream)
        stack.callback(_remove, program, process)
        stack.callback(_judge_end, program, process, begun, sent)
        host = _address(program.container, process) if program.container else "127.0.0.1"
        tree = "/opt/ml" if image else base / "opt-ml"
        yield Endpoint(host, port, program, process, log, f"{tree}/{conditions.model_path}", sent)


def _address(container: str, process: "subprocess.Popen[bytes]") -> str:
    while process.poll() is None:
        if found := _current_address(container):
            return found
        time.sleep(0.1)
    return "127.0.0.1"  # it has exited already, and the log has the reason


def _current_address(container: str) -> str:
    return _inspect(container, "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")


def _inspect(container: str, what: str) -> str:
    words = [DOCKER, "inspect", "--format", what, container]
    return subprocess.run(words, check=False, capture_output=True, text=True).stdout.strip()


def _judge_end(program: Program, process: "subprocess.Popen[bytes]", begun: float, sent: Mapping[int, float]) -> None:
    code = process.poll()
    if program.container and code is not None:
        raise_if_ended_from_outside(program.container, code, begun, sent)


def _remove(program: Program, process: "subprocess.Popen[bytes]") -> None:
    if program.container:
        subprocess.run([DOCKER, "rm", "--force", "--volumes", program.container], check=False, capture_output=True)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
