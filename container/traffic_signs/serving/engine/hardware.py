"""Hardware that the container may use, read from Linux's files.

Cores: CPU affinity and the cgroup's quota, which `docker run --cpus` sets. Memory: the cgroup's limit, which `--memory`
sets. GPUs: what NVIDIA's container runtime has put into /dev, and the user's choice of them.
"""

import itertools
import math
import os
from collections.abc import Mapping
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


def cores(cgroups: Path = _CGROUPS) -> int:
    """Return the number of cores that can be busy at once, at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _read_integers(cgroups / "cpu.max")  # cgroups v2: quota and period, or "max"
    if quota is None:
        pair = [_read_integers(cgroups / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period")]
        quota = [values[0] for values in pair if values]
    if len(quota) != 2 or quota[0] <= 0:
        return affinity
    return max(1, min(affinity, math.ceil(quota[0] / quota[1])))


def memory_mb(cgroups: Path = _CGROUPS) -> int:
    """Return the memory limit of all processes together, in megabytes."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limits = [_read_integers(cgroups / name) for name in ("memory.max", "memory/memory.limit_in_bytes")]
    return min([installed, *(limit[0] for limit in limits if limit)]) // 2**20


def free_bytes(cgroups: Path = _CGROUPS, meminfo: Path = Path("/proc/meminfo")) -> int:
    """Return the bytes that can be allocated before the kernel kills a process.

    Files that the kernel only caches do not count as the container's usage, because the kernel drops them.
    """
    free = _read_counters(meminfo)["MemAvailable:"] * 1024
    for name in ("memory.{}", "memory/memory.{}"):
        limit = _read_integers(cgroups / name.format("max")) or _read_integers(cgroups / name.format("limit_in_bytes"))
        used = _read_integers(cgroups / name.format("current")) or _read_integers(
            cgroups / name.format("usage_in_bytes")
        )
        if limit and used:
            stat = _read_counters(cgroups / name.format("stat"))
            prefix = "total_" if "total_inactive_file" in stat else ""
            cached = stat[f"{prefix}inactive_file"] + stat[f"{prefix}active_file"]
            free = min(free, limit[0] - used[0] + cached)
    return free


def _read_counters(path: Path) -> dict[str, int]:
    """Read a file with a name and a number on each line."""
    lines = path.read_text(encoding="ascii").splitlines()
    return {words[0]: int(words[1]) for line in lines if len(words := line.split()) > 1}


def gpus(environment: Mapping[str, str] = os.environ, devices: Path = Path("/dev")) -> list[str]:
    """Return the usable GPUs in the notation of CUDA_VISIBLE_DEVICES; "0", "1" and so on if it is not set.

    As in CUDA, the user's list ends at the first invalid name, so an empty list or -1 leaves no GPU. Names may also
    begin with GPU- or MIG-, which are not checked here.
    """
    count = len(list(devices.glob("nvidia[0-9]*")))
    numbers = [str(number) for number in range(count)]
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is None or not count:
        return numbers
    names = [name.strip() for name in visible.split(",")]
    return list(itertools.takewhile(lambda name: name in numbers or name.startswith(("GPU-", "MIG-")), names))


def _read_integers(path: Path) -> list[int] | None:
    """Read the integers in a file; [] if it says "max", None if the file does not exist."""
    try:
        words = path.read_text(encoding="ascii").split()
    except OSError:
        return None
    return [] if "max" in words else [int(word) for word in words]
