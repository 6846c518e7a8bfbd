"""When to stop waiting for a server to become healthy, because waiting changes nothing.

answers of /ping, addresses, CPU time  ->  StartWatch  ->  is_hopeless, reason
"""

import time

from local_test.check.hosting.support import wire
from local_test.platform.endpoint import Endpoint

SECONDS = 60.0
"""How long a server may lack the route, or be idle on another port, before the check takes it for its final state."""
_NO_ROUTE = (404, 405)
_IDLE_TICKS, _IDLE_TICKS_PER_SECOND = 10, 5
"""CPU time, of which a second has 100 ticks, of a server that waits. One that loads a model uses more."""


class StartWatch:
    """Watches one start."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Take the container, which has just started."""
        self._endpoint = endpoint
        self._since = time.monotonic()
        self._ticks: int | None = None
        self.reason = ""
        """Why waiting is hopeless; empty if it is not."""

    def is_hopeless(self, ping: wire.Answer) -> bool:
        """Return whether the server stays unhealthy, after the answer *ping*."""
        seconds = time.monotonic() - self._since
        if not ping.status and self._endpoint.loopback_only():
            self.reason = "it listens on loopback addresses only"
            return True
        if ping.status in _NO_ROUTE:
            reason = f"the last answer: {ping}"
        elif not ping.status and (ports := {port for _, port in self._endpoint.listening()}) and self._is_idle(seconds):
            reason = f"it listens on port {', '.join(map(str, sorted(ports)))}, not on {self._endpoint.port}"
        else:
            self._since, self._ticks = time.monotonic(), None
            return False
        self.reason = reason if seconds > SECONDS else ""
        return bool(self.reason)

    def _is_idle(self, seconds: float) -> bool:
        """Return whether it has hardly computed for *seconds*; one that computes may load its model."""
        used = sum(process.ticks for process in self._endpoint.processes())
        if self._ticks is None:
            self._ticks = used
        return used - self._ticks <= _IDLE_TICKS + _IDLE_TICKS_PER_SECOND * seconds
