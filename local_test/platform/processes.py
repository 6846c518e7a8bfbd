"""Processes of a container or program and their listening ports, read from the host's /proc."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

_DOCKER_DNS_ADDRESS = "127.0.0.11"
"""Docker's name server listens in the container's network; it does not belong to the image."""
_LISTEN = "0A"


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
    except OSError:  # it has exited meanwhile
        return None
    fields = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    if fields["State"][0] == "Z":
        return None
    container_pid = int(fields.get("NSpid", fields["Pid"])[-1])
    resident = int(fields.get("VmRSS", ["0"])[0])
    outside = {line.split()[1] for line in users if line.split()[0] == "0"}
    return Process(int(path.name), int(fields["PPid"][0]), container_pid, resident, fields["Uid"][1] in outside)


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
