"""gunicorn's worker: uvicorn with the protocol class of this package, on uvloop."""

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
"""Bytes of a WebSocket's message: a camera's frame, not its video."""


class Worker(UvicornWorker):  # type: ignore[misc] # uvicorn_worker publishes no types
    """The class to name as gunicorn's `worker_class`."""

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
        # images are compressed already, and a kilobyte cannot become a megabyte
        "ws_per_message_deflate": False,
        # as the platform does: a ping a minute, and the end after five minutes without a pong
        "ws_ping_interval": 60,
        "ws_ping_timeout": 240,
    }

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Let uvicorn's log be written as all others are."""
        super().__init__(*arguments, **options)
        logger = logging.getLogger("uvicorn.error")
        logger.propagate = True
        logger.setLevel(logging.WARNING)

    def init_signals(self) -> None:
        """Leave by way of Python's end: uvicorn raises SIGTERM once more when it is done."""
        super().init_signals()
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - gunicorn's signature
        """Stop in order at SIGQUIT too, which gunicorn sends its workers when it gets SIGINT."""
        os.kill(os.getpid(), signal.SIGTERM)
