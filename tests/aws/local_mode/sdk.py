"""This project's commands in the environments of SageMaker's SDKs."""

import os
import subprocess
from pathlib import Path

import pytest

from local_test.platform import engine
from tests.conftest import IMAGE

ROOT = Path(__file__).resolve().parents[3]


def run(sdk: str, module: str, *options: object) -> "subprocess.CompletedProcess[str]":
    return run_without_image(sdk, module, "--image", IMAGE, *options)


def run_without_image(sdk: str, module: str, *options: object) -> "subprocess.CompletedProcess[str]":
    words, environment = command(sdk, module, *options)
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)


def command(sdk: str, module: str, *options: object) -> tuple[list[str], dict[str, str]]:
    """The words and the environment of a command."""
    python = ROOT / f".venv-sdk-{sdk}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"SageMaker's SDK is not installed: make .venv-sdk-{sdk}/installed")
    words = [str(word) for word in (python, "-m", module, *options)]
    # local mode must not need credentials or a region
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["COLUMNS"] = "120"
    return words, environment


def docker(*words: str) -> str:
    """Both outputs of `docker WORDS`; a container may have ended meanwhile."""
    done = subprocess.run([engine.DOCKER, *words], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def logged(folder: Path, text: str, name: str = "") -> str:
    """The id of a running container of the SDK's folders below *folder*, if its name has *name* and its log *text*."""
    label = '{{.Label "com.docker.compose.project.working_dir"}}'
    for line in docker("ps", "--filter", f"name={name}", "--format", f"{{{{.ID}}}} {label}").splitlines():
        found, _, place = line.partition(" ")
        if place.startswith(str(folder)) and text in docker("logs", found):
            return found
    return ""
