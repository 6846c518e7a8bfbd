"""The medians of one network in a run, as tables, statements and the plot ask for them."""

from dataclasses import dataclass
from typing import Any

from tests.bench.serving.servers import SERVERS

TITLES = {"json": "JSON, one image", "npy": "npy, one image", "png": "PNG, one image", "npy64": "npy, 64 images"}
PARTS = ("decode", "engine")
"""What answering takes beside an empty route."""


@dataclass(frozen=True)
class Network:
    """The medians of one network: {"floor": ..., server: {"start", "memory", "refused", "loads"}}."""

    summary: dict[str, Any]

    @property
    def servers(self) -> list[str]:
        """Names of the servers that were measured, in their usual order."""
        return [name for name in SERVERS if name in self.summary]

    @property
    def peers(self) -> list[str]:
        """Those that compete."""
        return [name for name in self.servers if not SERVERS[name].ours]

    def get(self, server: str, kind: str, connections: int, figure: str) -> float | None:
        """Return a figure; None if it was not measured."""
        loads = self.summary.get(server, {}).get("loads", {})
        found: float | None = loads.get(kind, {}).get(str(connections), {}).get(figure)
        return found or None

    def kinds(self) -> list[str]:
        """Kinds of requests that were sent."""
        return [kind for kind in TITLES if kind in self.summary["floor"]]

    def connections(self) -> list[int]:
        """Numbers of connections."""
        return [int(number) for number in next(iter(self.summary[self.servers[0]]["loads"].values()))]

    def limit(self, kind: str, connections: int) -> float | None:
        """Return the requests per second that Flask under our settings leaves room for.

        A second divided by: an empty route's time at as many connections + decoding + engine, each alone.
        """
        empty = self.get("empty", kind, connections, "throughput")
        return empty and 1e6 / (1e6 / empty + sum(self.summary["floor"][kind][part] for part in PARTS))
