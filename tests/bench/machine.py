"""What a benchmark's figures are worth without: the day, the commit, the CPU."""

import datetime
import os
import platform
import subprocess
from pathlib import Path


def describe() -> dict[str, str]:
    """Return date, commit (with a + if files differ from it) and cpu."""
    git = ["git", "describe", "--always", "--exclude=*", "--dirty=+"]
    revision = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    return {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "commit": revision, "cpu": _cpu()}


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return f"{line.partition(':')[2].strip()}, {os.cpu_count()} cores"
    return platform.processor()
