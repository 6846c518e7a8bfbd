"""HTTP of one connection: uvicorn's, with bounds on what a client may send, keep open and leave unread.

uvicorn 0.54 has no such bounds, and its parser takes the body of a request that offers another protocol, as
`curl --http2` and Java's HTTP client do, for that protocol's first bytes. Overridden are methods without an
underscore; uvicorn is pinned, because it does not document them for subclasses.
"""

import json
import re
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from traffic_signs.serving.http.packet import Packet
from traffic_signs.settings import ServingSettings

_FIELDS = 100
_DRAINED_BYTES = 64 * 2**20
"""Of a body that is read only to be thrown away; more ends the connection."""
_START = re.compile(rb"[A-Z]+ [^ \r\n]+ HTTP/1\.[01]\r\n")
_OFFER = re.compile(rb"\r\nupgrade:(?![ \t]*websocket[ \t]*\r\n)", re.IGNORECASE)


class Protocol(HttpToolsProtocol):
    """A connection; ASGI's state has the limits, all connections, those that are idle, and uvicorn's tasks."""

    def __init__(self, config: Any, server_state: Any, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits: ServingSettings = app_state["limits"]
        self.open: set[Protocol] = app_state["open"]
        self.idle: dict[Protocol, None] = app_state["idle"]
        app_state["tasks"] = server_state.tasks
        self.phase = "silent"
        """What is expected: "silent", the first byte; "head"; "body"; "", nothing. In "refused" nothing is read."""
        self.since, self.received, self.crowded = self.loop.time(), 0, False
        self.held = bytearray()
        self.blocked: tuple[float, int] | None = None

    def connection_made(self, transport: Any) -> None:
        """Close the connection that has been idle for longest if there are too many; say so if none is."""
        super().connection_made(transport)
        self.packet = Packet(transport)
        if len(self.open) >= self.limits.connections:
            self.crowded = not self.idle
            for longest in self.idle:
                longest.transport.close()
                break
        self.open.add(self)
        self.idle[self] = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._forget()
        if self.timeout_keep_alive_task:  # which uvicorn keeps for a connection that was reset
            self.timeout_keep_alive_task.cancel()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        self._forget()
        super().handle_websocket_upgrade()

    def _forget(self) -> None:
        self.open.discard(self)
        self.idle.pop(self, None)

    def data_received(self, data: bytes) -> None:
        """Give the parser whole heads, without offers of another protocol; refuse one that is too large."""
        self.idle.pop(self, None)
        if self.phase == "refused":
            return
        if self.phase != "body":
            if self.phase != "head":
                self.since, self.phase, self.received = self.loop.time(), "head", 0
            self.received += len(data)
            end = data.find(b"\r\n\r\n")
            if self.held or end < 0:
                self.held += data
                end = self.held.find(b"\r\n\r\n", max(0, len(self.held) - len(data) - 3))
                if end < 0 and _START.match(self.held):
                    self._check_head()
                    return
                data = bytes(self.held)
                self.held.clear()
            if b"pgrade:" in data[:end]:
                data = _OFFER.sub(b"\r\nx-upgrade:", data[:end]) + data[end:]
        super().data_received(data)
        if self.phase == "head":
            self._check_head()
        if self.cycle is not None and self.cycle.response_complete and not self.transport.is_closing():
            if self.phase == "body" and self.received > _DRAINED_BYTES:
                self.transport.close()
            elif self.timeout_keep_alive_task is None:
                self.timeout_keep_alive_task = self.loop.call_later(
                    self.timeout_keep_alive, self.timeout_keep_alive_handler
                )

    def _check_head(self) -> None:
        if self.timeout_keep_alive_task:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        if self.received > self.limits.head_kb * 1024:
            self.refuse(431, f"the head of the request has more than {self.limits.head_kb} kB")

    def on_message_begin(self) -> None:
        """Note that a head has begun."""
        super().on_message_begin()
        if self.phase != "head":  # it came together with another one
            self.since, self.phase, self.received = self.loop.time(), "head", 0
        self.scope["crowded"] = self.crowded  # type: ignore[typeddict-unknown-key] # ours, for the application

    def on_header(self, name: bytes, value: bytes) -> None:
        """Refuse a head of too many fields."""
        super().on_header(name, value)
        if len(self.headers) > _FIELDS:
            raise ValueError("too many header fields")  # becomes a 400

    def on_headers_complete(self) -> None:
        """Note that a body may follow."""
        self.since, self.phase, self.received = self.loop.time(), "body", 0
        super().on_headers_complete()
        if self.cycle is not None:
            self.cycle.transport = self.packet  # type: ignore[assignment] # has what a response calls

    def on_body(self, body: bytes) -> None:
        """Count what has come."""
        self.received += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect nothing more."""
        self.phase = ""
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Note that the connection is idle."""
        self.packet.end()
        super().on_response_complete()
        if not self.pipeline:
            self.idle[self] = None

    def resume_writing(self) -> None:
        """Note that the client reads."""
        self.blocked = None
        super().resume_writing()

    def sweep(self, now: float) -> None:
        """Refuse or end what takes too long; called each second."""
        limits, waited = self.limits, now - self.since
        body_seconds = min(limits.body_seconds, limits.patience_seconds)
        if self.flow.write_paused or self.transport.is_closing():
            unsent = self.transport.get_write_buffer_size()
            since, most = self.blocked = self.blocked or (now, unsent)
            if now - since > limits.answer_seconds + (most - unsent) / (1024 * limits.kb_per_second):
                self.transport.abort()
        elif self.flow.read_paused:
            self.since = now  # it is the client who waits
        elif self.phase == "silent" and waited > limits.head_seconds:
            self.transport.close()
        elif self.phase == "head" and waited > limits.head_seconds:
            self.refuse(408, "the rest of the head did not come in time")
        elif self.phase == "body" and waited > body_seconds + self.received / (1024 * limits.kb_per_second):
            self.refuse(408, "the rest of the body did not come in time")

    def send_400_response(self, msg: str) -> None:
        """Say that the request is no HTTP."""
        self.refuse(400, msg)

    def refuse(self, status: int, text: str) -> None:
        """Refuse what the client has begun to send, and close the connection once it has what it is owed."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if self.phase == "body":
            self.scope["refused"] = status, text  # type: ignore[typeddict-unknown-key] # ours, for the application
        if answering and (self.phase != "body" or self.cycle.response_started):
            self.cycle.keep_alive, self.phase = False, "refused"
            return
        if self.phase != "body" or answering:
            content = json.dumps({"error": text}).encode()
            head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            rest = f"content-length: {len(content)}\r\nconnection: close\r\n\r\n"
            self.transport.write((head + rest).encode() + content)
        self.transport.close()
