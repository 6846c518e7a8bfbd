"""Date, commit and CPU, which every benchmark result needs."""

import datetime
import os
import platform
import subprocess
from pathlib import Path

_VECTORS = ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16")
"""Instruction sets that change an engine's speed; so do those whose names begin with `amx_`."""


def describe() -> dict[str, str]:
    """Return date, commit (with a + if files differ from it), and CPU with its vector instruction sets."""
    git = ["git", "describe", "--always", "--exclude=*", "--dirty=+"]
    revision = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    return {"date": datetime.datetime.now(datetime.UTC).date().isoformat(), "commit": revision, "cpu": _cpu()}


def tree(folder: str) -> str:
    """Return git's hash of the committed content of *folder*, with a + if files differ from it."""
    git = ["git", "rev-parse", f"HEAD:{folder}"]
    content = subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()[:12]
    status = ["git", "status", "--porcelain", folder]
    return content + "+" * bool(subprocess.run(status, capture_output=True, check=True).stdout)


def _cpu() -> str:
    model = _cpuinfo("model name") or platform.processor()
    sets = [flag for flag in _cpuinfo("flags").split() if flag in _VECTORS or flag.startswith("amx_")]
    return f"{model}, {os.cpu_count()} cores, {' '.join(sets) or 'no AVX2'}"


def _cpuinfo(key: str) -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith(key):
            return line.partition(":")[2].strip()
    return ""
