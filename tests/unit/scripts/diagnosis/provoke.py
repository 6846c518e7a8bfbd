"""Writes provoked.json: the logs of the failures in failures.toml, each really made in a container.

    python -m tests.unit.scripts.diagnosis.provoke IMAGE [NAME ...]

IMAGE is this project's cpu image; its Python, gunicorn and NumPy fail as any others would.
"""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DOCKER = os.environ.get("DOCKER", "docker")
HERE = Path(__file__).parent
MADE = {
    "no-interpreter": b"echo hello\n",
    "arm64": b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\xb7\x00\x01\x00\x00\x00" + bytes(40),
    "crlf": b"#!/bin/sh\r\necho hello\r\n",
}
"""Programs below /made in the containers."""
ASK = """
ask() {
    request='import sys, urllib.request as r; r.urlopen(r.Request(sys.argv[2], method=sys.argv[1]), timeout=8)'
    method=$1 path=$2
    shift 2
    "$@" &
    sleep 4
    python -c "$request" "$method" "http://127.0.0.1:8080$path" 2>/dev/null
    sleep 1
    kill $!
    wait
}
"""
"""Shell function: ask METHOD PATH COMMAND...: start a server, send it one request, stop it."""


def provoke(image: str, folder: str, failure: Mapping[str, Any]) -> str:
    """Make *failure* happen; return what the container printed, and what Docker said of it."""
    program = failure.get("program", "sh")
    arguments = ["-c", ASK + failure["script"]] if "script" in failure else []
    options = ["--rm", "--volume", f"{folder}:/made:ro", *failure.get("options", ()), "--entrypoint", program]
    words = [DOCKER, "run", *options, image, *arguments]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    code = f"\n(exit code: {done.returncode})" if done.returncode else ""
    printed = (done.stdout + done.stderr).replace("-of-mine", "").strip()
    return printed[-4000:] + code


def main(image: str, *names: str) -> None:
    """Provoke the failures *names*, or all, and write what they print."""
    failures = tomllib.loads((HERE / "failures.toml").read_text(encoding="utf-8"))
    file = HERE / "provoked.json"
    logs = json.loads(file.read_text(encoding="utf-8")) if names else {}
    with tempfile.TemporaryDirectory() as folder:
        for program, content in MADE.items():
            Path(folder, program).write_bytes(content)
            Path(folder, program).chmod(0o755)
        for name in names or failures:
            logs[name] = provoke(image, folder, failures[name])
    file.write_text(json.dumps(logs, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
