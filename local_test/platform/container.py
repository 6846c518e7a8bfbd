"""Command lines for `train` and `serve`, in a container or on the host without Docker.

A `Program` runs as a child process that receives SIGTERM: `docker run` in the foreground forwards the signal to
process 1 of the container.
"""

import functools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import click

from local_test.platform.engine import DOCKER, RUN_LABEL, mount, start, unique_name
from local_test.platform.opt_ml import HOST, VARIABLES
from local_test.platform.profiles import Conditions

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Program:
    """A command line, its environment variables, and the name of its container if it has one."""

    command: list[str]
    environment: Mapping[str, str]
    container: str | None = None

    def start(
        self, log: IO[bytes] | int | None = None, errors: IO[bytes] | int | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start the program in its own session, so that Ctrl-C reaches only the caller.

        Args:
            log: receives stdout and stderr; None to inherit the caller's.
            errors: receives stderr instead of *log*.

        Raises:
            InterruptedError: `kill_all` has been called.
        """
        errors = errors or (subprocess.STDOUT if log else None)
        return start(self.command, {**os.environ, **self.environment}, log, errors, client=self.container is not None)

    def stop(self, process: "subprocess.Popen[bytes]", grace_seconds: float) -> int:
        """Stop it as the platform does, by SIGTERM, then SIGKILL after *grace_seconds*; return its exit code."""
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(grace_seconds)
        except subprocess.TimeoutExpired:
            if self.container:
                subprocess.run([DOCKER, "kill", self.container], check=False, capture_output=True)
            process.kill()
            return process.wait()


def engine_reachable() -> bool:
    """Return whether a Docker engine responds."""
    if shutil.which(DOCKER) is None:
        return False
    return subprocess.run([DOCKER, "info"], check=False, capture_output=True).returncode == 0


def usable_image(image: str | None) -> str | None:
    """Return *image* if a Docker engine is reachable; else return None and say so on stderr."""
    if image and engine_reachable():
        return image
    if image:
        click.echo("No Docker engine is reachable: the programs run on the host instead of in the container.", err=True)
    return None


def training_program(image: str | None, base: Path, channels: Mapping[str, Path]) -> Program:
    """Return the program `train`, with *base* as /opt/ml and each channel as a read-only folder in it."""
    inputs = base / "input" / "data"
    if image is None:
        for name, folder in channels.items():
            (inputs / name).symlink_to(folder.resolve(), target_is_directory=True)
        return _host_program("train", base, {"SAGEMAKER_TRAINING_MODULE": "traffic_signs.training.main:main"})
    mounts = mount(base, "/opt/ml")
    for name, folder in channels.items():
        mounts += mount(folder, f"/opt/ml/input/data/{name}", read_only=True)
    variables = [word for name, value in VARIABLES.items() for word in ("--env", f"{name}={value}")]
    return _container(image, "train", [*mounts, *variables, *gpu_options()])


@functools.cache
def gpu_options() -> tuple[str, ...]:
    """Return the options that pass the host's GPUs to a container; empty if the engine does not support it."""
    command = [DOCKER, "info", "--format", "{{json .Runtimes}}"]
    runtimes = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    return ("--gpus", "all") if '"nvidia"' in runtimes else ()


@functools.cache
def platform_of(image: str) -> str:
    """Return the platform of *image* in the engine; linux/amd64, which SageMaker pulls first, if there is none yet."""
    command = [DOCKER, "image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", image]
    found = subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip()
    return found or "linux/amd64"


@functools.cache
def cannot_run(image: str) -> str:
    """Return why containers of *image* cannot run here, "" if they can; a platform of the engine's own is not tried."""
    platform = platform_of(image)
    command = [DOCKER, "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}"]
    if subprocess.run(command, check=False, capture_output=True, text=True).stdout.strip() == platform:
        return ""
    command = [DOCKER, "run", "--rm", *RUN_LABEL, "--platform", platform, "--entrypoint", "sh", image, "-c", ":"]
    if subprocess.run(command, check=False, capture_output=True).returncode == 0:
        return ""
    return f"this machine does not run {platform}: check it on such a machine, or install qemu-user-static"


def serving_program(image: str | None, base: Path, port: int) -> Program:
    """Return the program `serve`, with the read-only model *base*/model, on *port* of 127.0.0.1."""
    if image is None:
        return _host_program("serve", base, {"SAGEMAKER_BIND_TO_PORT": str(port)})
    model = mount(base / "model", "/opt/ml/model", read_only=True)
    return _container(image, "serve", [*model, "--publish", f"127.0.0.1:{port}:8080"])


def endpoint_in_container(image: str, model: Path | None, network: str, conditions: Conditions) -> Program:
    """Return the program `serve` under *conditions*, in Docker's *network*, without a published port."""
    name = unique_name("serve")
    words = [DOCKER, "run", *RUN_LABEL, "--name", name, "--hostname", "model.aws.local"]
    words += ["--platform", platform_of(image)]
    # fail name resolution after 1 s instead of 10 s
    words += ["--network", network, "--dns-opt", "timeout:1", "--dns-opt", "attempts:1"]
    for key, value in conditions.variables.items():
        words += ["--env", f"{key}={value}"]
    if model:
        words += mount(model, f"/opt/ml/{conditions.model_path}", read_only=conditions.model_read_only)
    if conditions.root_read_only:
        words.append("--read-only")
    if conditions.root_read_only or conditions.tmp_bytes:
        words += ["--tmpfs", f"/tmp:exec,mode=1777,size={conditions.tmp_bytes or 5 * 2**30}"]  # noqa: S108 # path in the container
    if conditions.memory_bytes:
        words += ["--memory", str(conditions.memory_bytes), "--memory-swap", str(conditions.memory_bytes)]
    words += [] if conditions.root else ["--user", "993:990"]
    words += [] if conditions.shared_memory else ["--ipc", "none"]
    if conditions.gpu and Path("/dev/nvidiactl").exists():
        words += ["--gpus", "all"]
    return Program([*words, image, "serve"], {}, name)


def endpoint_on_host(programs: Path, model: Path | None, base: Path, conditions: Conditions, port: int) -> Program:
    """Return the program `serve` of the folder *programs* on *port*, with *base*/opt-ml as its /opt/ml."""
    if model:
        place = base / "opt-ml" / conditions.model_path
        place.parent.mkdir(parents=True)
        place.symlink_to(model.resolve(), target_is_directory=True)
    folders = [str(programs.resolve()), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    own = {"SAGEMAKER_BASE_DIR": str(base / "opt-ml"), "SAGEMAKER_BIND_TO_PORT": str(port)}
    variables = {**conditions.variables, **own, "PATH": os.pathsep.join(folders)}
    return Program([str(programs.resolve() / "serve"), "serve"], variables)


def restore_owner(image: str, folder: Path, user: int, group: int) -> None:
    """Give *folder*, in which a container wrote as root, to *user* and *group*; do nothing if *image* has no chown."""
    command = ["run", "--rm", *RUN_LABEL, *mount(folder, "/folder"), "--entrypoint", "chown", image]
    subprocess.run([DOCKER, *command, "-R", f"{user}:{group}", "/folder"], check=False, start_new_session=True)


def _container(image: str, verb: str, options: list[str]) -> Program:
    name = unique_name(verb)
    command = [DOCKER, "run", "--rm", *RUN_LABEL, "--name", name, "--hostname", HOST]
    command += ["--platform", platform_of(image)]
    return Program([*command, *options, image, verb], {}, name)


def _host_program(verb: str, base: Path, environment: dict[str, str]) -> Program:
    scripts = Path(sys.executable).parent
    command = str(_REPOSITORY / "docker" / verb)
    return Program(
        [command],
        {
            "SAGEMAKER_BASE_DIR": str(base.resolve()),
            "PYTHONUNBUFFERED": "1",
            "PATH": f"{scripts}{os.pathsep}{os.environ.get('PATH', '')}",
            **environment,
        },
    )
