"""gunicorn's threaded worker, with connections that nobody waits for.

    connection -> what has come of a request, without waiting for the rest
               <- kept alive for the next one | refused with 503 | told that it was too slow | ended

A client that is slow, silent or gone costs the main thread a few system calls and nobody a thread, but for the
few that read on until a client has seen the end.
"""

import contextlib
import logging
import math
import selectors
import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from gunicorn.workers.gthread import TConn

from traffic_signs.serving import framing, refusals, sockets, websocket
from traffic_signs.serving.metrics import Metrics
from traffic_signs.serving.response import OnePacketWorker

_log = logging.getLogger(__name__)
_ENDING_THREADS = 16
"""Many, because they only wait: for clients to read an answer, or to stop sending what nobody will read."""
_END_SECONDS = 5
"""How long they do, for each."""
_SILENCE_SECONDS = 20
"""How long a client may pause within a request, or leave an answer unread."""
_NEXT_REQUEST_MS = 1
_LONGEST = 200
"""Bytes of a request's first line that are logged."""
_TELL_SECONDS = 1
"""How often the log tells of refused requests: a line for each would take the time of those that are answered."""
KEEP: "Future[bool]" = Future()
"""What gunicorn calls the result of a request whose connection is kept."""
KEEP.set_result(True)


class Connections(OnePacketWorker):
    """Reads, keeps, refuses and closes; who answers is up to `worker.Worker`."""

    metrics: Metrics
    """Set after the fork."""

    def init_process(self) -> None:
        """Start the threads, after the fork."""
        self._ending = ThreadPoolExecutor(_ENDING_THREADS, "ending")
        self._refused, self._told, self._deadline = 0, 0.0, math.inf
        super().init_process()

    def run(self) -> None:
        """Run gunicorn's loop; who has not seen the end of a connection by its end will see it from the kernel."""
        super().run()
        self._ending.shutdown(wait=False, cancel_futures=True)

    def _begin(self, conn: TConn) -> None:
        """Prepare a new connection."""
        conn.init()
        sockets.set_patience(conn.sock, min(_SILENCE_SECONDS, self.cfg.timeout))

    def _receive(self, conn: TConn) -> bytes | None:
        """Return what has come of a request, b"" from a client that has gone, None if more has to come."""
        unread = conn.parser.unreader.buf
        data: bytes = unread.getvalue()
        if framing.is_ready(data):  # it is, after a request that came together with this one
            return data
        try:
            more = conn.sock.recv(framing.MOST, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError:
            return b""
        if not more:
            return b""
        unread.seek(0, 2)
        unread.write(more)
        data += more
        if framing.is_ready(data):
            return data
        if framing.is_held_back(data):
            with contextlib.suppress(OSError):
                conn.sock.send(refusals.CONTINUE, socket.MSG_DONTWAIT)
        return None

    def _await_more(self, conn: TConn) -> None:
        conn.timeout = min(time.monotonic() + min(_SILENCE_SECONDS, self.cfg.timeout), self._deadline)
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _next_comes(self, conn: TConn) -> bool:
        """Wait a moment for the client's next request, as long as nothing else happens."""
        if conn.parser.unreader.buf.getvalue():
            return True
        client: int = conn.sock.fileno()
        return sockets.first_readable(client, self.poller.fileno(), _NEXT_REQUEST_MS) == client

    def _finish(self, conn: TConn, *, keep: bool) -> None:
        """Give a connection back to the main thread; without waking it up, where only the poller has to know."""
        if keep and self.alive and not conn.parser.unreader.buf.getvalue():
            super().finish_request(conn, KEEP)
        else:
            self.method_queue.defer(self.finish_request, conn, KEEP if keep else None)

    def finish_request(self, conn: TConn, done: "Future[bool] | None") -> None:
        """Keep the connection for the next request, or end it in a thread: that may take seconds."""
        if done:
            super().finish_request(conn, done)
        else:
            self._end(conn)

    def _end(self, conn: TConn) -> None:
        self.nr_conns -= 1
        self._ending.submit(self._read_on, conn)

    def _read_on(self, conn: TConn) -> None:
        """Say that nothing more will come, and close; if the client may still send, once it says the same.

        Closed before, a connection takes the answer from such a client (RFC 9112, section 9.6).
        """
        with contextlib.suppress(OSError):
            conn.sock.shutdown(socket.SHUT_WR)
            if not (sockets.has_read_all(conn.sock) and sockets.is_empty(conn.sock)):
                sockets.drain(conn.sock, min(time.monotonic() + _END_SECONDS, self._deadline))
        conn.close()

    def _forget(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()

    def _refuse(self, conn: TConn) -> None:
        """Answer 503 by the main thread, so that refusing takes nothing from those who are answered."""
        self.metrics.refused()
        self._refused += 1
        alone = framing.is_alone(conn.parser.unreader.take_buffered())
        try:
            conn.sock.send(refusals.TOO_MANY if alone else refusals.TOO_MANY_AND_CLOSE, socket.MSG_DONTWAIT)
        except OSError:
            self._forget(conn)
            return
        if alone:
            super().finish_request(conn, KEEP)
        else:  # what is still to come would be taken for the next request
            self._end(conn)

    def _tell_refused(self) -> None:
        """Log now and then how many requests were refused."""
        if self._refused and time.monotonic() - self._told > _TELL_SECONDS:
            fields = {"status": 503, "refused": self._refused}
            _log.error("too many requests were waiting", extra={"fields": fields})
            self._refused, self._told = 0, time.monotonic()

    def murder_pending(self) -> None:
        """Close connections whose next bytes do not come, and say so if a request had begun."""
        now = time.monotonic()
        for conn in self.pending_conns:
            if conn.timeout > now:
                break
            if begun := conn.parser.unreader.take_buffered():
                self._tell_late(conn, begun)
        super().murder_pending()

    def _tell_late(self, conn: TConn, begun: bytes) -> None:
        request = begun.lstrip(b"\r\n").partition(b"\r\n")[0][:_LONGEST].decode("latin-1")
        self.metrics.answered(f"{request} ".split(" ")[1], 408)
        fields = {"status": 408, "request": request}
        _log.warning("the rest of a request did not come in time", extra={"fields": fields})
        with contextlib.suppress(OSError):
            conn.sock.send(refusals.TIMED_OUT, socket.MSG_DONTWAIT)

    def _cap_keepalive(self, deadline: float) -> None:
        """When the worker stops, answer who has connected already, and let nobody else connect.

        Wait no longer for silent connections than gunicorn does for idle ones, and not at all for WebSockets, which
        would stay.
        """
        self._deadline = deadline
        for listener in self.sockets:
            for _ in range(self.cfg.backlog):  # as many as may be there
                self.accept(listener)
            listener.close()
        websocket.GOING_AWAY.set()
        for conn in (*self.keepalived_conns, *self.pending_conns):
            conn.timeout = min(conn.timeout, deadline)
