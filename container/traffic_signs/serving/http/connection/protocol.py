"""HTTP protocol of one connection: uvicorn's, one request at a time, with limits on what a client may send.

    bytes -> a complete head, at most 64 kB -> parser -> ASGI
          -> the rest of its body           -> parser
          -> anything more is buffered until the request is answered

uvicorn 0.54 has no such limits. Its parser also takes the body of a request that offers another protocol, as
`curl --http2` and Java's HTTP client do, for the first bytes of that protocol. Only methods without an underscore are
overridden; uvicorn is pinned, because it does not document them for subclasses.
"""

from traffic_signs.errors import RequestError
from traffic_signs.serving.http.connection import heads
from traffic_signs.serving.http.connection.state import Connection

_MAX_FIELDS = 100
_MAX_READ_AHEAD_BYTES = 64 * 1024
"""Bytes buffered after a request until it is answered."""
_FRAMING_BYTES, _FRAMING_FACTOR = 64 * 1024, 9
"""Chunk framing may take so many bytes, plus so many times the content: a chunk of one byte takes six."""


class Protocol(Connection):
    """Feeds the parser: a complete head, then no more than its body, then nothing until the response."""

    def data_received(self, data: bytes) -> None:
        """Pass one request at a time to the parser: its complete head, and then no more than its body."""
        self.idle_connections.pop(self, None)
        if self.buffered:
            data, self.buffered = self.buffered + data, b""
        if data[:1] in (b"\r", b"\n") and self.phase != "body":  # empty lines between requests are ignored
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
                    part, data = part + data, b""  # one call of the parser for the whole request
            else:
                return
            super().data_received(part)
            if self not in self.open_connections:  # it has become a WebSocket
                if data:  # not allowed before the answer to the handshake (RFC 6455, section 4.1)
                    self.transport.close()
                return
            if self.body_left is None and self.framing_bytes > _FRAMING_BYTES + _FRAMING_FACTOR * self.received_bytes:
                self.refuse(400, "the chunk framing of the body is much larger than its content")

    def find_head_end(self, data: bytes) -> int:
        """Return where the head at the start of *data* ends; 0 if it is incomplete, refused or has to wait."""
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
        """Pass on whether connections are too many; refuse a request in the packet that ended another's chunks."""
        if self.phase != "head":
            raise ValueError("a request follows in the same packet")
        super().on_message_begin()
        self.scope["over_limit"] = self.over_limit  # type: ignore[typeddict-unknown-key] # read by the application

    def on_headers_complete(self) -> None:
        """Check what the parser does not, and note the size of the body."""
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
            self.headers = []  # for trailers, which are not part of the head
        if self.cycle is not None:
            self.cycle.transport = self.response_transport  # type: ignore[assignment] # has the methods a response calls

    def on_body(self, body: bytes) -> None:
        """Count the received bytes of the body."""
        self.received_bytes += len(body)
        if self.body_left is not None:
            self.body_left -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect nothing more of this request."""
        self.phase = ""
        super().on_message_complete()
        if self.cycle is not None and self.cycle.response_complete:
            self.idle_connections[self] = None

    def on_response_complete(self) -> None:
        """Process what has arrived in the meantime, or mark the connection as idle.

        Replaces uvicorn's method, which sets a timer, expensive beside a small request, and starts pipelined requests.
        """
        self.response_transport.end()
        self.server_state.total_requests += 1
        self.flow.resume_reading()
        if self.buffered:
            self.loop.call_soon(self.data_received, b"")
        elif self.phase == "" and not self.transport.is_closing():
            self.idle_connections[self], self.phase_started = None, self.loop.time()
