"""gunicorn's threaded worker and its response, whose head leaves together with the first bytes of its body.

Two packets instead of one cost two system calls, and a client that wakes up twice.
"""

import time
from functools import lru_cache
from typing import Any

from gunicorn import util
from gunicorn.http import wsgi
from gunicorn.workers.gthread import TConn, ThreadWorker

from traffic_signs.serving import plain


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return util.http_date(second)  # type: ignore[no-any-return] # gunicorn has no types


class Response(wsgi.Response):  # type: ignore[misc] # gunicorn has no types
    """An answer of the application."""

    headers_sent: bool
    _head = b""

    def start_response(self, status: str, *arguments: Any) -> Any:
        """Begin the answer; the connection ends with one that says that the body is too large to be read."""
        if status.startswith("413"):
            self.force_close()
        return super().start_response(status, *arguments)

    def default_headers(self) -> list[str]:
        """Return what gunicorn says of every answer; its own method writes the date anew each time."""
        connection = "upgrade" if self.upgrade else "close" if self.should_close() else "keep-alive"
        return [
            f"HTTP/{self.req.version[0]}.{self.req.version[1]} {self.status}\r\n",
            f"Server: {self.version}\r\nDate: {_date(int(time.time()))}\r\nConnection: {connection}\r\n",
            *(["Transfer-Encoding: chunked\r\n"] if self.chunked else []),
        ]

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

    def init_process(self) -> None:
        """Prepare, after the fork, what all requests have in common, and start."""
        self._common = wsgi.base_environ(self.cfg) | {"SCRIPT_NAME": "", "wsgi.multithread": True}
        super().init_process()

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Call the application as gunicorn does, but for files; say whether to keep the connection."""
        req._expected_100_continue = False  # noqa: SLF001 - who held the body back was asked for it by `Connections`
        response, environ = wsgi.create(req, conn.sock, conn.client, conn.server, self.cfg, Response)
        environ["wsgi.multithread"] = True
        return self._respond(req, response, environ)

    def handle_plain(self, environ: dict[str, Any], conn: TConn) -> bool:
        """Do the same with a request that `plain.read` has read, so that gunicorn has nothing to see to around it."""
        if conn.sock.gettimeout() is not None:
            conn.sock.setblocking(True)
        request = plain.Request()
        environ |= self._common
        environ["gunicorn.socket"] = conn.sock
        try:
            return self._respond(request, Response(request, conn.sock, self.cfg), environ)
        except OSError:  # the client has gone away
            return False
        except Exception as error:  # noqa: BLE001 - as gunicorn does: it is no reason for the worker to end
            self.handle_error(None, conn.sock, conn.client, error)
            return False

    def _respond(self, req: Any, response: Response, environ: dict[str, Any]) -> bool:
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
