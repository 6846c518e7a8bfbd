"""Names of the hosts of one training job: resourceconfig.json -> Hosts."""

import json
from dataclasses import dataclass
from pathlib import Path

from traffic_signs.errors import HostsError


@dataclass(frozen=True)
class Hosts:
    """Names of the hosts of a job, and which of them this container is."""

    current: str
    names: tuple[str, ...]

    @classmethod
    def from_file(cls, path: Path) -> "Hosts":
        """Read resourceconfig.json.

        Raises:
            HostsError: the file is missing, or does not name the hosts and the current one among them.
        """
        try:
            content = json.loads(path.read_bytes())
            hosts = cls(content["current_host"], tuple(content["hosts"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HostsError(f"{path.name} does not name the hosts of this job: {error!r}") from error
        if hosts.current not in hosts.names:
            raise HostsError(f"{path.name}: current_host {hosts.current!r} is not among the hosts {list(hosts.names)}")
        return hosts

    @property
    def chief(self) -> str:
        """The first host. The platform sorts the names, so all hosts agree on it."""
        return self.names[0]

    @property
    def is_chief(self) -> bool:
        """Whether this host writes the job's outputs."""
        return self.current == self.chief
