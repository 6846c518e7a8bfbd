"""HTTP of one connection: uvicorn's, a request at a time, with bounds on what a client may send and leave unread.

    bytes -> a whole head, at most 64 kB -> parser -> ASGI
          -> what its body still lacks   -> parser
          -> what follows waits until the request is answered

uvicorn 0.54 has no such bounds, and its parser takes the body of a request that offers another protocol, as
`curl --http2` and Java's HTTP client do, for that protocol's first bytes. Overridden are methods without an
underscore; uvicorn is pinned, because it does not document them for subclasses.
"""

from traffic_signs.errors import RequestError
from traffic_signs.serving.http.connection import heads
from traffic_signs.serving.http.connection.state import Connection

_MAX_FIELDS = 100
_MAX_READ_AHEAD_BYTES = 64 * 1024
"""Of what follows a request, until it is answered."""
_FRAMING_BYTES, _FRAMING_FACTOR = 64 * 1024, 9
"""Of what comes around chunks, and how many times what is in them it may be besides: one of a byte takes six."""


class Protocol(Connection):
    """A connection's way through the parser: a whole head, no more than its body, nothing until the answer."""

    def data_received(self, data: bytes) -> None:
        """Give the parser a request at a time: its head when it is whole, and then no more than its body."""
        self.idle_connections.pop(self, None)
        if self.buffered:
            data, self.buffered = self.buffered + data, b""
        if data[:1] in (b"\r", b"\n") and self.phase != "body":  # empty lines around requests are ignored
            data = data.lstrip(b"\r\n")
        while data and not self.transport.is_closing():
            if self.phase == "drain":
                self.discard(len(data))
                return
            if self.phase == "body":
                self.framing_bytes += len(data)
                end = len(data) if self.body_left is None else self.body_left
                part, data = data[:end], data[end:]
            elif end := self.find_head_end(data):
                part, data = heads.without_upgrade_offers(data[:end]), data[end:]
                if data and heads.has_content_length(part, len(data)):
                    part, data = part + data, b""  # one call of the parser for all of it
            else:
                return
            super().data_received(part)
            if self not in self.open_connections:  # any more: it is a WebSocket's
                if data:  # which is not to come before the answer to the handshake (RFC 6455, section 4.1)
                    self.transport.close()
                return
            if self.body_left is None and self.framing_bytes > _FRAMING_BYTES + _FRAMING_FACTOR * self.received_bytes:
                self.refuse(400, "the body has more around its chunks than in them")

    def find_head_end(self, data: bytes) -> int:
        """Return where the head ends that *data* begins with; 0 if it has to wait, or is refused."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.buffered = data
            if len(data) > _MAX_READ_AHEAD_BYTES:
                self.flow.pause_reading()
            return 0
        if self.phase != "head":
            self.enter_phase("head")
        try:
            end = heads.find_end(data, self.limits.head_kb * 1024)
        except RequestError as error:
            self.refuse(error.status, str(error))
            return 0
        if not end:
            self.buffered = data
        return end

    def on_message_begin(self) -> None:
        """Tell the application of a crowd; refuse a request in one piece with the end of another's chunks."""
        if self.phase != "head":
            raise ValueError("a request follows in the same packet")
        super().on_message_begin()
        self.scope["over_limit"] = self.over_limit  # type: ignore[typeddict-unknown-key] # ours, for the application

    def on_headers_complete(self) -> None:
        """Check what the parser leaves to others, and note how much is to come."""
        names = [name for name, _ in self.headers]
        version, method, hosts = self.parser.get_http_version(), self.parser.get_method(), names.count(b"host")
        if method == b"CONNECT" or version not in ("1.0", "1.1") or hosts > 1 or (version == "1.1" and not hosts):
            raise ValueError("not HTTP/1.1")  # becomes a 400
        if len(names) > _MAX_FIELDS:
            raise ValueError("too many header fields")
        self.expect_100_continue = self.expect_100_continue and version == "1.1"
        super().on_headers_complete()
        self.phase, self.received_bytes = "body", 0
        self.body_left = None if b"transfer-encoding" in names else 0
        if b"content-length" in names:
            self.body_left = int(self.headers[names.index(b"content-length")][1])
        if not self.parser.should_upgrade():
            self.headers = []  # for trailers, which are no part of the head
        if self.cycle is not None:
            self.cycle.transport = self.response_transport  # type: ignore[assignment] # has what a response calls

    def on_body(self, body: bytes) -> None:
        """Count what has come."""
        self.received_bytes += len(body)
        if self.body_left is not None:
            self.body_left -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect nothing more."""
        self.phase = ""
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:
            self.idle_connections[self] = None

    def on_response_complete(self) -> None:
        """Go on with what has come meanwhile, or note since when the connection is idle.

        In place of uvicorn's, which sets a timer, dear beside a small request, and goes on with requests in a row.
        """
        self.response_transport.end()
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        if self.buffered:
            self.loop.call_soon(self.data_received, b"")
        elif self.phase == "" and not self.transport.is_closing():
            self.idle_connections[self], self.phase_started = None, self.loop.time()
