"""A connection: what it expects of its client, how many there may be, and how one is refused and closed.

silent -> head -> body -> "" while the request is answered -> head ...
                    `--> drain: what comes is thrown away, so that the client sees why it was refused
"""

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from traffic_signs.serving.http.connection import heads
from traffic_signs.serving.http.connection.packet import ResponseTransport
from traffic_signs.settings.serving import ServingSettings

_DRAINED_BYTES = 64 * 2**20
"""Of a body that is read only to be thrown away, so that its client sees why; more ends the connection."""


class Connection(HttpToolsProtocol):
    """A connection; ASGI's state has the limits, all connections, those that are idle, and uvicorn's tasks."""

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits: ServingSettings = app_state["limits"]
        self.open_connections: set[Connection] = app_state["open"]
        self.idle_connections: dict[Connection, None] = app_state["idle"]
        app_state["tasks"] = server_state.tasks
        self.phase = "silent"
        """What is expected: "silent", the first byte; "head"; "body"; "", nothing; "drain", what is thrown away."""
        self.phase_started, self.received_bytes, self.framing_bytes, self.over_limit = self.loop.time(), 0, 0, False
        self.body_left: int | None = 0
        """Bytes that the body still lacks; None where the parser finds its end."""
        self.buffered = b""
        self.unsent_since: tuple[float, int] | None = None

    def connection_made(self, transport: Any) -> None:
        """Close the connection that has been idle for longest if there are too many; say so if none is."""
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
        """Forget the connection."""
        self.unregister()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; refuse a handshake that the WebSocket's own parser gives no answer to."""
        self.unregister()
        super().handle_websocket_upgrade()
        if not self.transport.get_protocol().handshake_initiated:  # type: ignore[attr-defined] # of a WebSocket
            self.transport.write(
                heads.error_response(400, "no handshake of a WebSocket: it has a body, or a line too long")
            )
            self.transport.close()

    def unregister(self) -> None:
        """Look after the connection no more."""
        self.open_connections.discard(self)
        self.idle_connections.pop(self, None)

    def enter_phase(self, phase: str) -> None:
        """Begin a phase."""
        self.phase, self.phase_started, self.received_bytes, self.framing_bytes = phase, self.loop.time(), 0, 0

    def discard(self, size: int) -> None:
        """Throw away what nobody wants, up to a bound."""
        self.received_bytes += size
        if self.received_bytes > _DRAINED_BYTES:
            self.transport.close()

    def resume_writing(self) -> None:
        """Note that the client reads."""
        self.unsent_since = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Say that the request is no HTTP."""
        self.refuse(400, msg)

    def refuse(self, status: int, text: str) -> None:
        """Refuse what the client has begun to send, and close the connection once it has what it is owed."""
        if self.phase == "":  # behind a request that is being answered
            self.cycle.keep_alive, self.phase = False, "drain"
            return
        if self.phase == "body" and self.cycle.response_complete:  # by an answer that did not wait for the body
            self.close()
            return
        if self.phase == "body":  # the application waits for the rest of it
            self.scope["refused"] = status, text  # type: ignore[typeddict-unknown-key] # ours, for the application
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.write(heads.error_response(status, text))
        self.close()

    def close(self) -> None:
        """Close the connection; if its client may still send, once it has seen why (RFC 9112, section 9.6)."""
        if self.phase in ("head", "body") and not self.transport.is_closing():
            self.enter_phase("drain")
            self.transport.write_eof()
        else:
            self.transport.close()
