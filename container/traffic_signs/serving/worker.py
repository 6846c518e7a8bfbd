"""gunicorn's threaded worker with a bounded line in front of the application.

    connection -> main thread reads, until a thread need not wait for the rest
                      -> GET, or POST /ping    -> quick threads  -> application
                      -> GET of a WebSocket    -> a thread of its own, as long as it stays
                      -> room in the line      -> line, threads  -> application
                      -> none                  -> 503, Retry-After, by the main thread
               <- kept alive, waits for its next request without a thread

gunicorn's own worker gives a connection a thread before a byte has come, and everything waits in one
line without an end: a few silent clients, or many large requests, then make /ping wait too.
"""

import contextlib
import select
import selectors
import socket
import struct
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from gunicorn.workers.gthread import TConn, ThreadWorker

from traffic_signs.serving import framing, refusals, websocket
from traffic_signs.serving.line import HELD_UP_SECONDS, Line

QUEUE_LENGTH = 128
_MOST_THREADS = 8
_QUICK_THREADS = 4
_CLOSING_THREADS = 16
"""Many, because they only wait: for clients to read an answer, or to stop sending what nobody will read."""
_MOST_STREAMS = 32
"""WebSockets that a worker keeps: each has a thread, which sleeps while nothing comes."""
_STREAM = f"GET {websocket.PATH}".encode()
_SILENCE_SECONDS = 20
"""How long a client may pause within a request, or leave an answer unread."""
_LOOK_SECONDS = 0.02
"""How often a full line is searched for clients that have gone away: it costs a system call for each of them."""
_NEXT_REQUEST_MS = 1
_DRAIN_SECONDS = 5
_KEEP: "Future[bool]" = Future()
_KEEP.set_result(True)


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """The class to name as gunicorn's `worker_class`; its setting `threads` is that of predicting threads."""

    def init_process(self) -> None:
        """Start the threads, after the fork, and then gunicorn's loop."""
        self._quick: Line[TConn] = Line(self._answer, _QUICK_THREADS, _QUICK_THREADS, "quick")
        self._line: Line[TConn] = Line(self._answer_or_let_go, self.cfg.threads, _MOST_THREADS, "predicting")
        self._closing = ThreadPoolExecutor(_CLOSING_THREADS, "closing")
        self._streams = threading.Semaphore(_MOST_STREAMS)
        self._mean_seconds = 0.0
        self._looked = 0.0
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """Read what has come of a request; send it on its way, or wait for the rest without a thread."""
        if not conn.initialized:
            conn.init()
            # by the kernel, because gunicorn makes the socket a blocking one again and again
            patience = struct.pack("ll", min(_SILENCE_SECONDS, self.cfg.timeout), 0)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
            conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)
        unread = conn.parser.unreader.buf
        data = unread.getvalue()
        if not framing.is_ready(data):  # it is, after a request that came together with this one
            try:
                more = conn.sock.recv(framing.READ_AHEAD, socket.MSG_DONTWAIT)
            except BlockingIOError:
                self._await_more(conn)
                return
            except OSError:
                more = b""
            if not more:
                self._forget(conn)
                return
            unread.seek(0, 2)
            unread.write(more)
            data += more
            if not framing.is_ready(data):
                self._await_more(conn)
                return
        start = data.lstrip(b"\r\n")
        if start.startswith((b"GET ", b"POST /ping")):
            if start.startswith(_STREAM):
                self._begin_stream(conn)
            else:
                self._quick.put(conn)
        elif self._has_room():
            self._line.put(conn)
        else:
            self._refuse(conn)

    def _await_more(self, conn: TConn) -> None:
        conn.timeout = time.monotonic() + min(_SILENCE_SECONDS, self.cfg.timeout)
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))

    def _begin_stream(self, conn: TConn) -> None:
        if self._streams.acquire(blocking=False):
            threading.Thread(target=self._answer_stream, args=(conn,), name="stream", daemon=True).start()
        else:
            self._refuse(conn)

    def _answer_stream(self, conn: TConn) -> None:
        try:
            self._answer(conn)
        finally:
            self._streams.release()

    def _answer(self, conn: TConn, _waited: float = 0.0) -> bool:
        """Answer one request, in a thread."""
        self._finish(conn, keep=self.handle(conn))
        return False

    def _answer_or_let_go(self, conn: TConn, waited: float) -> bool:
        """Answer a request from the line; say whether the client's next one is already here."""
        if waited > HELD_UP_SECONDS and _gone(conn):
            self.method_queue.defer(self._forget, conn)
            return False
        started = time.monotonic()
        keep = self.handle(conn)
        self._mean_seconds += 0.1 * (time.monotonic() - started - self._mean_seconds)
        # two switches of threads less, for a client that asks again at once while nobody else waits
        if keep and self.alive and not self._line and _next_comes(conn):
            return True
        self._finish(conn, keep=keep)
        return False

    def _finish(self, conn: TConn, *, keep: bool) -> None:
        """Give a connection back to the main thread; without waking it up, where only the poller has to know."""
        if keep and self.alive and not conn.parser.unreader.buf.getvalue():
            super().finish_request(conn, _KEEP)
        else:
            self.method_queue.defer(self.finish_request, conn, _KEEP if keep else None)

    def finish_request(self, conn: TConn, done: "Future[bool] | None") -> None:
        """Keep the connection for the next request, or close it in a thread: that may take seconds."""
        if done:
            super().finish_request(conn, done)
        else:
            self.nr_conns -= 1
            self._closing.submit(conn.close, graceful=True)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Look soon whether a thread is held up, if somebody waits for one."""
        super().wait_for_and_dispatch_events(min(timeout, HELD_UP_SECONDS) if self._line else timeout)
        self._line.relieve()

    def _has_room(self) -> bool:
        """Say whether a request that comes now is answered long before the platform gives up on it."""
        now = time.monotonic()
        if not self._is_short() and now - self._looked > _LOOK_SECONDS:
            self._looked = now
            self._line.remove(self._let_go)
        return self._is_short()

    def _is_short(self) -> bool:
        seconds = len(self._line) * self._mean_seconds / self.cfg.threads
        return len(self._line) < QUEUE_LENGTH and seconds < self.cfg.timeout / 2

    def _let_go(self, conn: TConn) -> bool:
        gone = _gone(conn)
        if gone:
            self._forget(conn)
        return gone

    def _forget(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.close()

    def _refuse(self, conn: TConn) -> None:
        """Answer 503 by the main thread, so that refusing takes nothing from those who are answered."""
        alone = framing.is_alone(conn.parser.unreader.take_buffered())
        try:
            conn.sock.send(refusals.TOO_MANY if alone else refusals.TOO_MANY_AND_CLOSE, socket.MSG_DONTWAIT)
        except OSError:
            self._forget(conn)
            return
        if alone:
            super().finish_request(conn, _KEEP)
        else:  # what is still to come would be taken for the next request
            self.nr_conns -= 1
            self._closing.submit(_drain, conn)

    def murder_pending(self) -> None:
        """Close connections whose next bytes do not come, and say so if a request had begun."""
        now = time.monotonic()
        for conn in self.pending_conns:
            if conn.timeout > now:
                break
            if conn.parser.unreader.buf.getvalue():
                with contextlib.suppress(OSError):
                    conn.sock.send(refusals.TIMED_OUT, socket.MSG_DONTWAIT)
        super().murder_pending()

    def _cap_keepalive(self, deadline: float) -> None:
        """When the worker stops, wait no longer for silent connections than gunicorn does for idle ones.

        And not at all for WebSockets, which would stay.
        """
        websocket.GOING_AWAY.set()
        for conn in (*self.keepalived_conns, *self.pending_conns):
            conn.timeout = min(conn.timeout, deadline)


def _gone(conn: TConn) -> bool:
    """Say whether the client has closed the connection."""
    poll = select.poll()
    poll.register(conn.sock, select.POLLRDHUP)
    return bool(poll.poll(0))


def _next_comes(conn: TConn) -> bool:
    """Wait a moment for the client's next request."""
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN)
    return bool(conn.parser.unreader.buf.getvalue() or poll.poll(_NEXT_REQUEST_MS))


def _drain(conn: TConn) -> None:
    """Read on until the client has seen the answer and closes: it may send all of a request first."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    try:
        conn.sock.settimeout(_DRAIN_SECONDS)
        conn.sock.shutdown(socket.SHUT_WR)
        while time.monotonic() < deadline and conn.sock.recv(1 << 20):
            pass
    except OSError:
        pass
    finally:
        conn.close()
