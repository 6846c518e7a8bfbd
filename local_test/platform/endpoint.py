"""Hosting container, started, observed and stopped as the platform does.

    image or programs, model, Conditions  ->  start_endpoint  ->  Endpoint: address, process, log

Requests go to the container's own address, as on the platform: with a published port, Docker's proxy would accept
connections instead of the server. No credentials are set: a variable that points to a missing service would be less
faithful than none.
"""

import contextlib
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local_test.platform.container import DOCKER, RUN_LABEL, Program, platform_of
from local_test.platform.processes import Process, descendants, listening
from local_test.platform.profiles import Conditions


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

    @property
    def alive(self) -> bool:
        """Whether it is still running."""
        return self.process.poll() is None

    def owns_address(self) -> bool:
        """Return whether it still has its address, which Docker reassigns after a container has exited."""
        name = self.program.container
        return name is None or (_inspect(name, "{{.State.Running}}") == "true" and _current_address(name) == self.host)

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
        self.process.send_signal(signal.SIGTERM)

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
    """
    base.mkdir(parents=True)
    if model and not conditions.model_read_only:
        model = Path(shutil.copytree(model, base / "copy"))
    with contextlib.ExitStack() as stack:
        if image is None:
            program, port = _host_program(programs or Path(), model, base, conditions)
        else:
            network = stack.enter_context(_network(conditions.network))
            program, port = _container(image, model, network, conditions), conditions.port
        log = base / "log"
        with log.open("wb") as stream:
            process = program.start(stream)
        stack.callback(_remove, program, process)
        host = _address(program.container, process) if program.container else "127.0.0.1"
        tree = "/opt/ml" if image else base / "opt-ml"
        yield Endpoint(host, port, program, process, log, f"{tree}/{conditions.model_path}")


def _container(image: str, model: Path | None, network: str, conditions: Conditions) -> Program:
    name = f"contract-check-{uuid.uuid4().hex[:8]}"
    words = [DOCKER, "run", *RUN_LABEL, "--name", name, "--hostname", "model.aws.local"]
    words += ["--platform", platform_of(image)]
    # fail name resolution after 1 s instead of 10 s
    words += ["--network", network, "--dns-opt", "timeout:1", "--dns-opt", "attempts:1"]
    for key, value in conditions.variables.items():
        words += ["--env", f"{key}={value}"]
    if model:
        mode = ":ro" if conditions.model_read_only else ""
        words += ["--volume", f"{model.resolve()}:/opt/ml/{conditions.model_path}{mode}"]
    if conditions.root_read_only:
        words.append("--read-only")
    if conditions.root_read_only or conditions.tmp_bytes:
        words += ["--tmpfs", f"/tmp:exec,mode=1777,size={conditions.tmp_bytes or 5 * 2**30}"]  # noqa: S108 # path in the container
    if conditions.memory_bytes:
        words += ["--memory", str(conditions.memory_bytes), "--memory-swap", str(conditions.memory_bytes)]
    words += [] if conditions.root else ["--user", "993:990"]
    words += [] if conditions.shared_memory else ["--ipc", "none"]
    if Path("/dev/nvidiactl").exists():
        words += ["--gpus", "all"]
    return Program([*words, image, "serve"], {}, name)


def _host_program(programs: Path, model: Path | None, base: Path, conditions: Conditions) -> tuple[Program, int]:
    if model:
        place = base / "opt-ml" / conditions.model_path
        place.parent.mkdir(parents=True)
        place.symlink_to(model.resolve(), target_is_directory=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    folders = [str(programs.resolve()), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    own = {"SAGEMAKER_BASE_DIR": str(base / "opt-ml"), "SAGEMAKER_BIND_TO_PORT": str(port)}
    variables = {**conditions.variables, **own, "PATH": os.pathsep.join(folders)}
    return Program([str(programs.resolve() / "serve"), "serve"], variables), port


@contextlib.contextmanager
def _network(outside: bool) -> Iterator[str]:
    """Yield the name of Docker's default network, or of a new one without access to the outside."""
    if outside:
        yield "bridge"
        return
    name = f"contract-check-{uuid.uuid4().hex[:8]}"
    subprocess.run([DOCKER, "network", "create", "--internal", name], check=True, capture_output=True)
    try:
        yield name
    finally:
        subprocess.run([DOCKER, "network", "rm", name], check=False, capture_output=True)


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


def _remove(program: Program, process: "subprocess.Popen[bytes]") -> None:
    if program.container:
        subprocess.run([DOCKER, "rm", "--force", "--volumes", program.container], check=False, capture_output=True)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
