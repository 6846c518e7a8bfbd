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
        self._since, self._ticks = time.monotonic(), 0
        self.reason = ""
        """Why waiting is hopeless; empty if it is not."""

    def is_hopeless(self, ping: wire.Answer) -> bool:
        """Return whether the server stays unhealthy, after the answer *ping*."""
        seconds = time.monotonic() - self._since
        if not ping.status and self._endpoint.loopback_only():
            self.reason = "it listens on loopback addresses only"
        elif ping.status in _NO_ROUTE:
            self.reason = f"the last answer: {ping}" if seconds > SECONDS else ""
        elif not ping.status and (ports := self._idle_ports(seconds)):
            self.reason = f"it listens on port {ports}, not on {self._endpoint.port}" if seconds > SECONDS else ""
        else:
            self._since, self._ticks = time.monotonic(), self._used_ticks()
        return bool(self.reason)

    def _idle_ports(self, seconds: float) -> str:
        """Return the ports it listens on if it was idle for *seconds*; "" if not, because it may load its model."""
        if self._used_ticks() - self._ticks > _IDLE_TICKS + _IDLE_TICKS_PER_SECOND * seconds:
            return ""
        return ", ".join(str(port) for port in sorted({port for _, port in self._endpoint.listening()}))

    def _used_ticks(self) -> int:
        return sum(process.ticks for process in self._endpoint.processes())
