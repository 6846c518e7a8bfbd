"""Background work of a worker, from the start of the event loop to its end.

every 0.1 s   heartbeat for gunicorn, lag of the event loop
every second  deadlines of connections, log line of refused requests
"""

import asyncio
import logging
import resource
import signal
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from traffic_signs.serving.http.connection import deadlines
from traffic_signs.serving.http.scheduling import Pool
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.settings.serving import ServingSettings

_log = logging.getLogger(__name__)
_TICK_SECONDS = 0.1
_TICKS_PER_CHECK = 10
"""Ticks between two checks of the deadlines."""
_RESERVED_FILES = 32
"""File descriptors kept for other uses than connections, which need some twenty."""
_GRACE_SECONDS = 0.1
"""From SIGTERM until the sockets close, so that connections made by then are still read."""


class Lifespan:
    """Hands connections their limits, and enforces the deadlines."""

    def __init__(self, settings: ServingSettings, metrics: Metrics, pool: Pool, notify: Callable[[], None]) -> None:
        """Raise the limit of open files; *notify* is gunicorn's heartbeat, which uvicorn sends too rarely."""
        _, max_files = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max_files, max_files))
        if max_files != resource.RLIM_INFINITY:  # above it, every new connection is closed, those of /ping too
            settings = replace(settings, connections=max(1, min(settings.connections, max_files - _RESERVED_FILES)))
        self._state: dict[str, Any] = {"limits": settings, "open": set(), "idle": {}}
        self._metrics, self._pool, self._notify = metrics, pool, notify

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer ASGI's lifespan messages; tick in between."""
        await receive()
        scope["state"].update(self._state)
        loop = asyncio.get_running_loop()
        stop: Any = signal.getsignal(signal.SIGTERM)  # uvicorn's
        loop.add_signal_handler(signal.SIGTERM, lambda: loop.call_later(_GRACE_SECONDS, stop, signal.SIGTERM, None))
        ticking = loop.create_task(self._tick())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        ticking.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _tick(self) -> None:
        """Measure the lag of the event loop, enforce deadlines and log refusals."""
        loop = asyncio.get_running_loop()
        tick = 0
        while True:
            due = loop.time() + _TICK_SECONDS
            await asyncio.sleep(_TICK_SECONDS)
            tick += 1
            try:
                self._notify()
                self._metrics.observe_lag(max(0.0, loop.time() - due))
                if tick % _TICKS_PER_CHECK == 0:
                    for connection in list(self._state["open"]):
                        deadlines.enforce(connection, loop.time())
                    self._pool.log_refusals()
            except Exception:  # noqa: BLE001 - without this task no deadline is enforced
                _log.exception("failed to check connections")
