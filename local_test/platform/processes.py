"""The processes of a container or program and the ports that they listen on, read from the host's /proc."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

_DOCKER_DNS_ADDRESS = "127.0.0.11"
"""Docker's own name server sits in the container's network; it is not the image's."""
_LISTEN = "0A"


@dataclass(frozen=True)
class Process:
    """One of them."""

    pid: int
    parent: int
    container_pid: int
    """Its number inside the container."""
    resident_kb: int
    root: bool
    """Whether it is the container's user 0, whoever that is outside."""


def descendants(first: int) -> list[Process]:
    """Return the process *first* of the host and all below it; nothing when it has ended."""
    known = {
        process.pid: process for path in Path("/proc").iterdir() if path.name.isdigit() if (process := _read(path))
    }
    found = [known[first]] if first in known else []
    for process in found:  # grows as it goes
        found += [child for child in known.values() if child.parent == process.pid]
    return found


def _read(path: Path) -> Process | None:
    try:
        lines = (path / "status").read_text(encoding="utf-8").splitlines()
        users = (path / "uid_map").read_text(encoding="utf-8").splitlines()
    except OSError:  # it has ended meanwhile
        return None
    fields = {name: rest.split() for name, _, rest in (line.partition(":") for line in lines)}
    if fields["State"][0] == "Z":
        return None
    container_pid = int(fields.get("NSpid", fields["Pid"])[-1])
    resident = int(fields.get("VmRSS", ["0"])[0])
    outside = {line.split()[1] for line in users if line.split()[0] == "0"}
    return Process(int(path.name), int(fields["PPid"][0]), container_pid, resident, fields["Uid"][1] in outside)


def listening(pid: int) -> list[tuple[str, int]]:
    """Return the TCP addresses and ports that are listened on in the network of the host's process *pid*."""
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
    """Decode four bytes at a time, each in the machine's order."""
    words = [bytes.fromhex(text[at : at + 8])[::-1] for at in range(0, len(text), 8)]
    return str(ipaddress.ip_address(b"".join(words)))
