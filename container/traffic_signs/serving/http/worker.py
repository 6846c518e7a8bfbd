"""gunicorn worker class: uvicorn on uvloop, with the protocol classes of this package."""

import logging
import os
import signal
import sys
from types import FrameType
from typing import Any

from uvicorn_worker import UvicornWorker

from traffic_signs.serving.http.connection.protocol import Protocol
from traffic_signs.serving.http.websocket import WebSocketProtocol

_MAX_MESSAGE = 6 * 2**20
"""Largest WebSocket message in bytes: enough for a camera's frame, not for a video."""


class Worker(UvicornWorker):  # type: ignore[misc] # uvicorn_worker publishes no types
    """The value of gunicorn's `worker_class`."""

    CONFIG_KWARGS: dict[str, Any] = {  # noqa: RUF012 - uvicorn_worker declares it so
        "loop": "uvloop",
        "http": Protocol,
        "ws": WebSocketProtocol,
        "interface": "asgi3",
        "lifespan": "on",
        # gunicorn sends SIGKILL after 25 s
        "timeout_graceful_shutdown": 20,
        "server_header": False,
        "proxy_headers": False,
        "ws_max_size": _MAX_MESSAGE,
        # images are compressed already, and without it a kilobyte cannot inflate to a megabyte
        "ws_per_message_deflate": False,
        # the platform's values: a ping a minute, and closed after five minutes without a pong
        "ws_ping_interval": 60,
        "ws_ping_timeout": 240,
    }

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Write uvicorn's log by the handlers of all other logs."""
        super().__init__(*arguments, **options)
        logger = logging.getLogger("uvicorn.error")
        logger.propagate = True
        logger.setLevel(logging.WARNING)

    def init_signals(self) -> None:
        """Exit through Python's normal shutdown: uvicorn raises SIGTERM once more when it is done."""
        super().init_signals()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - gunicorn's signature
        """Shut down gracefully on SIGQUIT too, which gunicorn sends its workers when it gets SIGINT."""
        os.kill(os.getpid(), signal.SIGTERM)
