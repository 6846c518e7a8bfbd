"""Check of an image against SageMaker's contract, before an endpoint gets it.

image in the Docker engine -> its model.tar.gz from S3 -> `python -m local_test check` -> the update goes on or ends

The check is a process of its own, because `scripts` imports nothing of `local_test`.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import BotoCoreError, ClientError

from scripts.resources.updates.fleet import Fleet

_DOCKER = os.environ.get("DOCKER", "docker")
_PYTHON = Path(".venv/bin/python")


def run(boto: Any, fleet: Fleet) -> None:
    """Check the image of *fleet* with its model; say so where the engine or the image is not there.

    Raises:
        click.ClickException: the image breaks the contract, or the check could not be made.
    """
    if reason := _missing(fleet.image):
        click.echo(f"not checked against the contract: {reason}")
        return
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tar.gz"
        words = ["--only", "image,hosting", "--model", str(model)]
        try:
            bucket, _, key = fleet.model_data.removeprefix("s3://").partition("/")
            boto.client("s3").download_file(bucket, key, str(model))
        except (BotoCoreError, ClientError, ValueError) as error:
            click.echo(f"checking the image without its model, which cannot be read: {error}")
            words = ["--only", "image"]
        if fleet.instance_type:
            words += ["--instance-type", fleet.instance_type]
        click.echo(f"checking {fleet.image} against the contract")
        # the environment of SageMaker's SDK lacks packages of the check
        python = str(_PYTHON) if _PYTHON.exists() else sys.executable
        command = [python, "-m", "local_test", "check", fleet.image, *words]
        code = subprocess.run(command, stdout=sys.stderr, check=False).returncode
    if code:
        verdict = "breaks the container contract" if code == 1 else "could not be checked"
        raise click.ClickException(f"{fleet.image} {verdict}; nothing was changed. To update all the same: --no-check")


def _missing(image: str) -> str:
    """Return why the image cannot be checked here, empty if it can."""
    try:
        engine = subprocess.run([_DOCKER, "version"], capture_output=True, check=False)
    except OSError:
        return "there is no Docker engine"
    if engine.returncode:
        return "no Docker engine answers"
    if subprocess.run([_DOCKER, "image", "inspect", image], capture_output=True, check=False).returncode:
        return f"the Docker engine does not have {image}"
    return ""
