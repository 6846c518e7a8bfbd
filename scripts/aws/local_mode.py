"""SageMaker's local mode: a session without an account, and cleanup of what the SDK leaves behind.

For each job the SDK writes a folder and runs docker compose on it. `container_root` holds all these folders, so that
cleanup finds the job's containers by compose's label and touches no others. Each command has a new folder, because SDK
v3 packs whatever an earlier job left in /opt/ml/model.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts import interruption
from scripts.aws.session import create_sdk_session
from scripts.errors import Failure

ROLE = "arn:aws:iam::111122223333:role/not-used-in-local-mode"
_DOCKER = os.environ.get("DOCKER", "docker")
_NETWORK = "sagemaker-local"
_LABEL = "com.docker.compose.project.working_dir"
_NOTHING_LEFT = "the containers, networks and files of local mode are removed; nothing runs, nothing bills"


@contextlib.contextmanager
def container_root(image: str) -> Iterator[Path]:
    """Create the folder for the SDK's `local.container_root`; remove it with its containers and network in the end.

    Args:
        image: Runs once more as root to change the owner of the files, if the caller is not root.

    Raises:
        Failure: the image or the Docker engine is missing.
    """
    found = _docker("image", "inspect", image)
    if found.returncode != 0:
        raise Failure(f"cannot use the image {image}; build it with make build TARGET=cpu: {found.stderr.strip()}")
    folder = Path(tempfile.gettempdir()) / f"sagemaker-local-{uuid.uuid4().hex[:8]}"

    def clean_up() -> None:
        _remove(folder, image)

    with interruption.ends_command(_NOTHING_LEFT, clean_up):
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            clean_up()


def _remove(folder: Path, image: str) -> None:
    """Remove what the SDK has in *folder* and has started from it, even in the middle of its work."""
    _kill_compose(folder)
    for _ in range(2):  # the engine may still be creating a container that compose has asked for
        # the SDK chooses the names of the job folders, so every container's label is compared
        listed = _docker("ps", "--all", "--format", f'{{{{.ID}}}} {{{{.Label "{_LABEL}"}}}}').stdout
        for line in listed.splitlines():
            container, _, place = line.partition(" ")
            if Path(place).is_relative_to(folder):
                _docker("rm", "--force", "--volumes", container)
        _docker("network", "rm", _NETWORK)  # fails while another job uses it, as it should
    if os.getuid() != 0:
        owner = f"{os.getuid()}:{os.getgid()}"
        _docker("run", "--rm", "--volume", f"{folder}:/folder", "--entrypoint", "chown", image, "-R", owner, "/folder")
    shutil.rmtree(folder, ignore_errors=True)


def _kill_compose(folder: Path) -> None:
    """Kill docker compose on a file in *folder*: it would start more containers, or wait 10 s for each to stop."""
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"up" in words and any(word.startswith(os.fsencode(folder) + b"/") for word in words):
                os.kill(int(process.name), signal.SIGKILL)


def local_session(folder: Path, port: int) -> Any:
    """Return SDK v2's LocalSession with its endpoint on *port*; the containers get dummy credentials."""
    import boto3
    from sagemaker.local import LocalSession  # SDK v3 has no such class

    boto = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")  # noqa: S106 # dummy
    local = create_sdk_session(LocalSession, boto)
    local.config = {"local": {"local_code": True, "container_root": str(folder), "serving_port": port}}
    return local


def _docker(*words: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run([_DOCKER, *words], check=False, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Failure(f"{_DOCKER} is not installed; local mode needs Docker and docker compose") from error
