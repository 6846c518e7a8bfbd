"""SageMaker's local mode: a session without an account, and what the SDK leaves on a machine, removed.

The SDK writes a folder a job, runs docker compose on it and goes. In `scratch` these folders lie
together, so that what compose made of them can be found by its own label, and nothing else is.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3

from scripts.aws.session import with_defaults
from scripts.errors import Failure

ROLE = "arn:aws:iam::111122223333:role/not-used-in-local-mode"
_DOCKER = os.environ.get("DOCKER", "docker")
_NETWORK = "sagemaker-local"
_LABEL = "com.docker.compose.project.working_dir"


@contextlib.contextmanager
def scratch(image: str) -> Iterator[Path]:
    """Make the folder that the SDK is to use as `local.container_root`; remove it and all that came of it.

    Args:
        image: runs once more as root, where the caller is not root, to hand over the files.

    Raises:
        Failure: there is no such image, or no Docker engine.
    """
    found = _docker("image", "inspect", image)
    if found.returncode != 0:
        raise Failure(f"cannot use the image {image} (make build TARGET=cpu): {found.stderr.strip()}")
    folder = Path(tempfile.mkdtemp(prefix="sagemaker-local-"))
    try:
        yield folder
    finally:
        # the names of the job folders are the SDK's, so every container's label is looked at
        listed = _docker("ps", "--all", "--format", f'{{{{.ID}}}} {{{{.Label "{_LABEL}"}}}}').stdout
        for line in listed.splitlines():
            container, _, place = line.partition(" ")
            if Path(place).is_relative_to(folder):
                _docker("rm", "--force", "--volumes", container)
        _docker("network", "rm", _NETWORK)  # which fails, rightly, while another job is in it
        if os.getuid() != 0:
            owner = f"{os.getuid()}:{os.getgid()}"
            _docker(
                "run", "--rm", "--volume", f"{folder}:/folder", "--entrypoint", "chown", image, "-R", owner, "/folder"
            )
        shutil.rmtree(folder)


def session(folder: Path, port: int) -> Any:
    """Return SDK v2's LocalSession, its endpoint on *port*; what the containers get as credentials opens nothing."""
    from sagemaker.local import LocalSession  # noqa: PLC0415 # SDK v3 has no such class

    nobody = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")  # noqa: S106 # opens nothing
    local = with_defaults(LocalSession, nobody)
    local.config = {"local": {"local_code": True, "container_root": str(folder), "serving_port": port}}
    return local


def _docker(*words: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run([_DOCKER, *words], check=False, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise Failure(f"{_DOCKER} is not installed: local mode needs it, and docker compose") from error
