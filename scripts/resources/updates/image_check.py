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

from scripts.errors import OperationError, errors_of_aws
from scripts.resources.updates.fleet import Fleet

_DOCKER = os.environ.get("DOCKER", "docker")
_PYTHON = Path(".venv/bin/python")
_SERVERLESS = ["--hosting", "serverless"]


def run(boto: Any, fleet: Fleet) -> None:
    """Check the image of *fleet* with its model; say so where the engine, the image or the model is not there.

    Raises:
        OperationError: the image breaks the contract, or the check could not be made.
    """
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.tar.gz"
        if reason := _missing(fleet.image) or _download(boto, fleet.model_data, model):
            click.echo(f"not checked against the contract: {reason}")
            return
        click.echo(f"checking {fleet.image} against the contract; to omit that: --no-check")
        # the environment of SageMaker's SDK lacks packages of the check
        python = str(_PYTHON) if _PYTHON.exists() else sys.executable
        kind = "async" if "AsyncInferenceConfig" in fleet.configuration else "real-time"
        words = [fleet.image, "--only", "hosting", "--model", str(model)]
        words += ["--hosting", kind, "--instance-type", fleet.instance_type] if fleet.instance_type else _SERVERLESS
        code = subprocess.run([python, "-m", "local_test", "check", *words], stdout=sys.stderr, check=False).returncode
    if code:
        verdict = "breaks the container contract" if code == 1 else "could not be checked"
        raise OperationError(f"{fleet.image} {verdict}; nothing was changed. To update all the same: --no-check")


def _download(boto: Any, uri: str, path: Path) -> str:
    """Download the model; return why that cannot be done, empty if it is done."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not key or key.endswith("/"):
        return f"{uri} is no file with a model"
    try:
        boto.client("s3").download_file(bucket, key, str(path))
    except errors_of_aws() as error:
        return f"this login cannot read {uri}: {error}"
    return ""


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
