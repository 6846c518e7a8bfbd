"""State of a connection: the phase it is in, the limit on their number, how one is refused and closed.

silent -> head -> body -> "" while the request is answered -> head ...
                    `--> drain: the rest is discarded, so that the client can read why it was refused
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from traffic_signs.serving.http.connection import heads
from traffic_signs.serving.http.connection.packet import ResponseTransport
from traffic_signs.settings.serving import ServingSettings

_DRAINED_BYTES = 64 * 2**20
"""Bytes of a refused body to read and discard, so that the client sees the reason; more closes the connection."""


class Connection(HttpToolsProtocol):
    """A connection; ASGI's state has the limits, all open connections, the idle ones, and uvicorn's tasks."""

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits: ServingSettings = app_state["limits"]
        self.open_connections: set[Connection] = app_state["open"]
        self.idle_connections: dict[Connection, None] = app_state["idle"]
        app_state["tasks"] = server_state.tasks
        self.phase = "silent"
        """What comes next: "silent", the first byte; "head"; "body"; "", nothing; "drain", data to discard."""
        self.phase_started, self.received_bytes, self.framing_bytes, self.over_limit = self.loop.time(), 0, 0, False
        self.body_left: int | None = 0
        """Bytes of the body yet to come; None where the parser finds its end."""
        self.buffered = b""
        self.unsent_since: tuple[float, int] | None = None

    def connection_made(self, transport: Any) -> None:
        """Register the connection; if there are too many, close the longest idle one, or note that none is idle."""
        super().connection_made(transport)
        self.response_transport = ResponseTransport(transport, self.close)
        if len(self.open_connections) >= self.limits.connections:
            self.over_limit = not self.idle_connections
            if longest := next(iter(self.idle_connections), None):
                del self.idle_connections[longest]
                longest.transport.close()
        self.open_connections.add(self)
        self.idle_connections[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Unregister the connection."""
        self.unregister()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; refuse a handshake that the WebSocket parser does not answer."""
        self.unregister()
        super().handle_websocket_upgrade()
        if not self.transport.get_protocol().handshake_initiated:  # type: ignore[attr-defined] # of a WebSocket
            self.transport.write(
                heads.error_response(400, "invalid WebSocket handshake: it has a body, or a line is too long")
            )
            self.transport.close()

    def unregister(self) -> None:
        """Stop enforcing limits on the connection."""
        self.open_connections.discard(self)
        self.idle_connections.pop(self, None)

    def enter_phase(self, phase: str) -> None:
        """Start a phase, with its time and counters."""
        self.phase, self.phase_started, self.received_bytes, self.framing_bytes = phase, self.loop.time(), 0, 0

    def discard(self, size: int) -> None:
        """Discard *size* bytes; close the connection if they are too many."""
        self.received_bytes += size
        if self.received_bytes > _DRAINED_BYTES:
            self.transport.close()

    def resume_writing(self) -> None:
        """Note that the client reads again."""
        self.unsent_since = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser cannot read."""
        self.refuse(400, msg)

    def refuse(self, status: int, text: str) -> None:
        """Refuse the current request, and close the connection once the client has all responses it is owed."""
        if self.phase == "":  # the request before it is still being answered
            self.cycle.keep_alive, self.phase = False, "drain"
            return
        if self.phase == "body" and self.cycle.response_complete:  # the response did not wait for the body
            self.close()
            return
        if self.phase == "body":  # the application waits for the rest of it
            self.scope["refused"] = status, text  # type: ignore[typeddict-unknown-key] # read by the application
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(heads.error_response(status, text))
        self.close()

    def close(self) -> None:
        """Close the connection; if the client may still send, drain first, so it reads why (RFC 9112, section 9.6)."""
        if self.phase in ("head", "body") and not self.transport.is_closing():
            self.enter_phase("drain")
            self.transport.write_eof()
        else:
            self.transport.close()
