"""Processes of a container or program: who they are, where they listen, how they take signals, who ended them."""

import ipaddress
import signal
import subprocess
import time
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from local_test.platform.engine import DOCKER

_DOCKER_DNS_ADDRESS = "127.0.0.11"
"""Docker's name server listens in the container's network; it does not belong to the image."""
_LISTEN = "0A"
KILLED = (128 + signal.SIGKILL, -signal.SIGKILL)
"""Exit codes of a container and of a program that SIGKILL ended."""


SLOW_STOP_SECONDS = 10.0
"""Longer than `docker stop` waits by default: the platform waits longer, and every stop and update takes this time."""


class EndedFromOutsideError(Exception):
    """Something other than this run ended a container, which therefore shows nothing."""


@dataclass(frozen=True)
class Process:
    """A process of the host."""

    pid: int
    parent: int
    container_pid: int
    """Its PID inside the container."""
    resident_kb: int
    root: bool
    """Whether its user is 0 inside the container, regardless of the user on the host."""
    ticks: int
    """CPU time that it has used, in clock ticks, mostly of 10 ms."""


def descendants(first: int) -> list[Process]:
    """Return the process with PID *first* and all its descendants; empty if it has exited."""
    known = {
        process.pid: process for path in Path("/proc").iterdir() if path.name.isdigit() if (process := _read(path))
    }
    found = [known[first]] if first in known else []
    for process in found:  # grows during the loop
        found += [child for child in known.values() if child.parent == process.pid]
    return found


def _read(path: Path) -> Process | None:
    try:
        lines = (path / "status").read_text(encoding="utf-8").splitlines()
        users = (path / "uid_map").read_text(encoding="utf-8").splitlines()
        user, system = (path / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[11:13]  # see proc(5)
    except OSError:  # it has exited meanwhile
        return None
    fields = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    if fields["State"][0] == "Z":
        return None
    container_pid = int(fields.get("NSpid", fields["Pid"])[-1])
    resident = int(fields.get("VmRSS", ["0"])[0])
    outside = {line.split()[1] for line in users if line.split()[0] == "0"}
    root, ticks = fields["Uid"][1] in outside, int(user) + int(system)
    return Process(int(path.name), int(fields["PPid"][0]), container_pid, resident, root, ticks)


def listening(pid: int) -> list[tuple[str, int]]:
    """Return the listening TCP addresses and ports in the network namespace of process *pid*."""
    found = set()
    for name in ("tcp", "tcp6"):
        try:
            lines = Path(f"/proc/{pid}/net/{name}").read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            _, local, _, state = line.split()[:4]
            if state == _LISTEN:
                address, _, port = local.partition(":")
                found.add((_address(address), int(port, 16)))
    return sorted(place for place in found if place[0] != _DOCKER_DNS_ADDRESS)


def _address(text: str) -> str:
    """Decode a hexadecimal address, whose 4-byte words have the byte order of the machine."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    return str(ipaddress.ip_address(b"".join(words)))


def takes_sigterm(status: str) -> bool | None:
    """Return whether a process has a handler for SIGTERM or waits for it; None without its /proc/PID/status.

    The kernel drops a signal for process 1 of a container that has no handler for it. One that is blocked is kept
    for sigwait, which tini and dumb-init use.
    """
    masks = [line.split()[1] for line in status.splitlines() if line.startswith(("SigCgt:", "SigBlk:"))]
    return any(int(mask, 16) >> (signal.SIGTERM - 1) & 1 for mask in masks) if masks else None


def raise_if_ended_from_outside(container: str, code: int, since: float, sent: Collection[int]) -> None:
    """Distinguish an end of its own from one by another user of the engine.

    Args:
        container: name of a container that has ended, even if it has been removed.
        code: exit code of its Docker client.
        since: time.time() before its start.
        sent: signals that this run has sent to it.

    Raises:
        EndedFromOutsideError: it got another signal through the engine, or its Docker client was killed.
    """
    if code < 0:
        raise EndedFromOutsideError(f"something other than this check ended the Docker client, by signal {-code}")
    # the engine may record the signal a moment after the end
    words = [DOCKER, "events", "--since", f"{since - 1:.3f}", "--until", f"{time.time() + 0.1:.3f}"]
    words += [
        "--filter",
        f"container={container}",
        "--filter",
        "event=kill",
        "--format",
        "{{.Actor.Attributes.signal}}",
    ]
    recorded = subprocess.run(words, check=False, capture_output=True, text=True).stdout.split()
    others = {int(number) for number in recorded if number.isdecimal()} - set(sent)
    if others:
        names = ", ".join(sorted(signal.Signals(number).name for number in others))
        raise EndedFromOutsideError(f"something other than this check sent {names} to the container")


def busiest_child(before: list[Process], now: list[Process]) -> Process | None:
    """Return the childless process that used the most CPU time since *before*; None if only its parents used any.

    Helpers, such as the resource tracker of Python's multiprocessing, are idle, and nobody misses them.
    """
    earlier = {process.pid: process.ticks for process in before}
    used = {process.pid: process.ticks - earlier.get(process.pid, 0) for process in now}
    parents = {process.parent for process in now}
    childless = [process for process in now[1:] if process.pid not in parents]
    if any(used.values()):
        childless = [process for process in childless if used[process.pid]]
    # if nobody worked for a whole tick, the largest holds the model
    return max(childless, key=lambda process: (used[process.pid], process.resident_kb), default=None)
