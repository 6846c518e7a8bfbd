"""gunicorn's threaded worker and its response, whose head leaves together with the first bytes of its body.

Two packets instead of one cost two system calls, and a client that wakes up twice.
"""

from typing import Any

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker


class Response(wsgi.Response):  # type: ignore[misc] # gunicorn has no types
    """An answer of the application."""

    headers_sent: bool
    _head = b""

    def send_headers(self) -> None:
        """Make the head ready, once."""
        if not self.headers_sent:
            lines = [*self.default_headers(), *(f"{name}: {value}\r\n" for name, value in self.headers), "\r\n"]
            self._head = "".join(lines).encode("latin-1")
            self.headers_sent = True

    def _emit_body(self, data: bytes) -> None:
        """Send body bytes, the first ones behind the head."""
        if self.chunked:
            data = b"%X\r\n%b\r\n" % (len(data), data)
        if self._head:
            data, self._head = self._head + data, b""
        util.write(self.sock, data)

    def close(self) -> None:
        """Send what is left: the head of an answer without a body, the last chunk."""
        self.send_headers()
        if self._head:
            util.write(self.sock, self._head)
            self._head = b""
        super().close()


class OnePacketWorker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """A worker that answers so."""

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Call the application as gunicorn does, but for files; say whether to keep the connection."""
        response, environ = wsgi.create(req, conn.sock, conn.client, conn.server, self.cfg, Response)
        environ["wsgi.multithread"] = True
        if not self.alive or len(self.keepalived_conns) >= self.max_keepalived:
            response.force_close()
        answer = self.wsgi(environ, response.start_response)
        try:
            for part in answer:
                response.write(part)
            response.close()
        except Exception as error:
            if not response.headers_sent or isinstance(error, OSError):
                raise
            self.log.exception("an answer broke off")  # a second answer would be taken for the rest of it
            return False
        finally:
            if hasattr(answer, "close"):
                answer.close()
            self.cfg.post_request(self, req, environ, response)
        return not response.should_close()
