"""Server of the page, in front of an endpoint and on a port of its own.

    GET /               the page, put together from the files of this folder: one HTML document
    POST /invocations   the request -> the endpoint -> its answer, unchanged, with the header Server-Timing

A browser lets a page send requests only to its own origin, so the page sends them to this server. All other clients use
the endpoint's port, which therefore behaves as on SageMaker. The standard library suffices for two routes of one user.
"""

import base64
import contextlib
import functools
import hashlib
import html
import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
_SCRIPTS = ("endpoint.js", "answer.js", "code.js", "table.js", "input.js")
_REQUEST_HEADERS = ("Content-Type", "Accept", "X-Amzn-SageMaker-Custom-Attributes")
_RESPONSE_HEADERS = ("Content-Type", "Retry-After", "X-Model-Info")
_PIECE_BYTES = 2**16
_ANSWER_SECONDS = 70
"""More than the minute that the platform waits for an answer."""


@contextlib.contextmanager
def serve(endpoint: int, preferred_port: int) -> Iterator[str]:
    """Serve the page for the endpoint on port *endpoint* of 127.0.0.1; yield the page's URL.

    The page gets *preferred_port*, so that its URL stays the same; if that is in use or invalid, any free port.
    """
    handler = functools.partial(_Handler, endpoint)
    try:
        server = _Server(("127.0.0.1", preferred_port), handler)
    except (OSError, OverflowError):
        server = _Server(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


@functools.cache
def document(endpoint: str) -> tuple[bytes, str]:
    """Return the page for the endpoint at the URL *endpoint*, and its Content-Security-Policy.

    The policy allows this style and this script by their hashes, so text that gets into the page never runs.
    """
    style = (_FOLDER / "style.css").read_text(encoding="utf-8")
    script = "\n".join((_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    page = (_FOLDER / "page.html").read_text(encoding="utf-8")
    page = page.replace("{{ style }}", style).replace("{{ script }}", script)
    page = page.replace("{{ endpoint }}", html.escape(endpoint))
    policy = (
        f"default-src 'none'; script-src {_source(script)}; style-src {_source(style)}; img-src blob: data:;"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page.encode(), policy


def _source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


class _Server(ThreadingHTTPServer):
    def handle_error(self, *client: Any) -> None:
        """Print a traceback, except for a browser that disconnects."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*client)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60  # of an idle connection
    disable_nagle_algorithm = True  # head and body are two packets

    def __init__(self, endpoint: int, *arguments: object) -> None:
        self._endpoint = endpoint
        super().__init__(*arguments)  # type: ignore[arg-type] # the server passes them on

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/":
            self._send_error(HTTPStatus.NOT_FOUND, "the page is at /")
            return
        content, policy = document(f"http://127.0.0.1:{self._endpoint}")
        headers = {
            "Content-Type": "text/html; charset=utf-8",
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",  # the next version may be another
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        }
        self._send(HTTPStatus.OK, headers, content)

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != "/invocations":
            self._send_error(HTTPStatus.NOT_FOUND, "requests go to /invocations")
        elif not (length.isascii() and length.isdecimal()):
            self._send_error(HTTPStatus.LENGTH_REQUIRED, f"Content-Length is {length!r}; expected a number of bytes")
        else:
            self._pass_on(int(length))

    def _pass_on(self, length: int) -> None:
        """Pass the request on as it is read, so a false length takes no memory; the endpoint has the limit."""
        connection = http.client.HTTPConnection("127.0.0.1", self._endpoint, timeout=_ANSWER_SECONDS)
        headers = {name: self.headers[name] for name in _REQUEST_HEADERS if name in self.headers}
        body = _Body(self.rfile, length)
        started = time.perf_counter()
        try:
            with contextlib.closing(connection):
                # an endpoint that refuses a large body may close the connection before it has all of it
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    connection.request("POST", "/invocations", body, {**headers, "Content-Length": str(length)})
                response = connection.getresponse()
                content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self._send_error(HTTPStatus.BAD_GATEWAY, f"the endpoint does not answer ({error or type(error).__name__})")
            return
        if body.left:
            self.close_connection = True
        kept = {name: response.headers[name] for name in _RESPONSE_HEADERS if name in response.headers}
        timing = {"Server-Timing": f"endpoint;dur={1_000 * (time.perf_counter() - started):.1f}"}
        self._send(response.status, kept | timing, content)

    def _send_error(self, status: HTTPStatus, message: str) -> None:
        self.close_connection = True  # the body may be unread
        self._send(status, {"Content-Type": "application/json"}, json.dumps({"error": message}).encode())

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing: the endpoint logs its requests."""


class _Body:
    """The body of a request, in pieces as they arrive."""

    def __init__(self, stream: BufferedIOBase, length: int) -> None:
        self._stream = stream
        self.left = length

    def __iter__(self) -> Iterator[bytes]:
        while self.left:
            piece = self._stream.read(min(self.left, _PIECE_BYTES))
            if not piece:
                raise ConnectionAbortedError("the browser disconnected")
            self.left -= len(piece)
            yield piece
