"""Commands of this project as SageMaker's SDK runs them, in its own environment."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import IMAGE

ROOT = Path(__file__).resolve().parents[3]


def run(sdk: str, module: str, *options: object) -> "subprocess.CompletedProcess[str]":
    return run_bare(sdk, module, "--image", IMAGE, *options)


def run_bare(sdk: str, module: str, *options: object) -> "subprocess.CompletedProcess[str]":
    python = ROOT / f".venv-sdk-{sdk}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"no environment for the SDK: make .venv-sdk-{sdk}/installed")
    words = [str(word) for word in (python, "-m", module, *options)]
    # no credentials, no region: local mode must not need them
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["COLUMNS"] = "120"
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=300)
