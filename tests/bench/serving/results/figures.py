"""Access to the figures of one network, for tables, targets and the plot."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.bench.serving.bodies import KINDS
from tests.bench.serving.servers import PEERS, SERVERS

PARTS = ("decode", "engine", "encode")
"""Parts of an answer beyond an empty application."""


@dataclass(frozen=True)
class Network:
    """The figures of one network: {"floor": ..., server: {"start", "memory", "refused", "loads"}}."""

    preset: str
    summary: dict[str, Any]
    """Medians over the rounds; totals of requests, errors, lost and wrong."""
    rounds: Sequence[dict[str, Any]] = field(default_factory=tuple)

    @property
    def servers(self) -> list[str]:
        """Names of the measured servers, in the order of SERVERS."""
        return [name for name in SERVERS if name in self.summary]

    @property
    def peers(self) -> list[str]:
        """Names of the measured peers."""
        return [name for name in self.servers if name in PEERS]

    def get(self, server: str, kind: str, connections: int, figure: str) -> float | None:
        """Return a figure; None, if it was not measured."""
        return _get(self.summary, server, kind, connections, figure)

    def kinds(self) -> list[str]:
        """Return the kinds of requests that were sent."""
        return [kind for kind in KINDS if any(kind in self.summary[name]["loads"] for name in self.servers)]

    def connections(self, kind: str) -> list[int]:
        """Return the numbers of connections that *kind* was sent on."""
        loads = (self.summary[name]["loads"].get(kind, {}) for name in self.servers)
        return sorted({int(number) for found in loads for number in found})

    def ratios(self, kind: str, connections: int) -> list[float]:
        """Return this server's requests per second / the baseline's, for each round."""
        rates = [
            [_get(found, name, kind, connections, "throughput") for name in ("ours", "baseline")]
            for found in self.rounds
        ]
        return [ours / before for ours, before in rates if ours and before]

    def limit(self, kind: str, connections: int) -> float | None:
        """Return the largest possible requests per second with gunicorn's ASGI worker.

        1 s / (an empty application's time on as many connections + decoding + engine + encoding, each timed alone)
        """
        empty = self.get("uvicorn-empty", kind, connections, "throughput")
        parts = self.summary["floor"].get(kind)
        return 1e6 / (1e6 / empty + sum(parts[part] for part in PARTS)) if empty and parts else None


def _get(figures: dict[str, Any], server: str, kind: str, connections: int, figure: str) -> float | None:
    loads = figures.get(server, {}).get("loads", {})
    found: float | None = loads.get(kind, {}).get(str(connections), {}).get(figure)
    return found or None
