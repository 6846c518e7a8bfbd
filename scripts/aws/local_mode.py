"""SageMaker's local mode: a session without an account, and cleanup of what the SDK leaves behind.

For each job the SDK writes a folder and runs docker compose on it. `container_root` holds all these folders, so that
cleanup finds the job's containers by compose's label and touches no others.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.aws.session import create_sdk_session
from scripts.errors import Failure

ROLE = "arn:aws:iam::111122223333:role/not-used-in-local-mode"
_DOCKER = os.environ.get("DOCKER", "docker")
_NETWORK = "sagemaker-local"
_LABEL = "com.docker.compose.project.working_dir"


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
    folder = Path(tempfile.mkdtemp(prefix="sagemaker-local-"))
    try:
        yield folder
    finally:
        # the SDK chooses the names of the job folders, so every container's label is compared
        listed = _docker("ps", "--all", "--format", f'{{{{.ID}}}} {{{{.Label "{_LABEL}"}}}}').stdout
        for line in listed.splitlines():
            container, _, place = line.partition(" ")
            if Path(place).is_relative_to(folder):
                _docker("rm", "--force", "--volumes", container)
        _docker("network", "rm", _NETWORK)  # fails while another job uses it, as it should
        if os.getuid() != 0:
            owner = f"{os.getuid()}:{os.getgid()}"
            _docker(
                "run", "--rm", "--volume", f"{folder}:/folder", "--entrypoint", "chown", image, "-R", owner, "/folder"
            )
        shutil.rmtree(folder)


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
