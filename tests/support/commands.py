"""The commands `python -m ...` as users run them."""

import os
import subprocess
import sys


def run(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", *map(str, arguments)]
    environment = {**os.environ, "COLUMNS": "120", **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
