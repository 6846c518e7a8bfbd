"""gunicorn's threaded worker with a bounded line in front of the application.

    connection -> main thread reads, until nobody need wait for the rest
                      -> GET, HEAD, or POST /ping  -> quick threads  -> application
                      -> models come and go        -> their threads  -> application
                      -> GET of a WebSocket        -> a thread of its own, as long as it stays
                      -> small, and answers are quick                -> application, by the main thread
                      -> room in the line          -> line, threads  -> application
                      -> none                      -> 503, Retry-After, by the main thread
               <- kept alive, waits for its next request without a thread

gunicorn's own worker gives a connection a thread before a byte has come, and everything waits in one
line without an end: a few silent clients, or many large requests, then make /ping wait too. And to
hand a request to a thread, which then wants Python's lock back from the main thread, takes longer
than a small network.
"""

import socket
import threading
import time
from typing import Any

from gunicorn.workers.gthread import TConn

from traffic_signs.serving import plain, record, sockets, websocket
from traffic_signs.serving.connections import KEEP
from traffic_signs.serving.dispatch import Dispatcher
from traffic_signs.serving.line import HELD_UP_SECONDS, Line

QUEUE_LENGTH = 128
_MOST_THREADS = 8
_QUICK_THREADS = 4
_LOADING_THREADS = 4
"""For a multi-model endpoint's loads, which take turns anyway, and unloads, which wait for requests in flight."""
_MOST_STREAMS = 32
"""WebSockets that a worker keeps: each has a thread, which sleeps while nothing comes."""
_STREAM = f"GET {websocket.PATH}".encode()
_LOOK_SECONDS = 0.02
"""How often a full line is searched for clients that have gone away: it costs a system call for each of them."""
_SHORT_SECONDS = 0.005
"""What an answer may take of the core, in the mean, for the main thread to give it itself."""
_WAIT_SECONDS = 0.5
"""How long the last of those who have asked may wait for the main thread."""
_CONVERSATION = 100
"""Requests of one client that it answers before it goes through gunicorn's loop, which tells that the worker lives."""


class Worker(Dispatcher):
    """The class to name as gunicorn's `worker_class`; its setting `threads` is that of predicting threads."""

    inline = False
    """The main thread may answer small requests; set after the fork, unless requests are to meet in a batch."""

    def init_process(self) -> None:
        """Start the threads, after the fork, and then gunicorn's loop."""
        self._quick: Line[TConn] = Line(self._answer, _QUICK_THREADS, _QUICK_THREADS, "quick")
        self._loads: Line[TConn] = Line(self._answer, _LOADING_THREADS, _LOADING_THREADS, "loading")
        self._line: Line[TConn] = Line(self._answer_or_let_go, self.cfg.threads, _MOST_THREADS, "predicting")
        # nobody knows yet: the first requests go to threads
        self._mean_seconds = self._core_seconds = 4 * _SHORT_SECONDS
        self._looked = 0.0
        self._streams = threading.Semaphore(_MOST_STREAMS)
        super().init_process()

    def on_client_socket_readable(self, conn: TConn, client: socket.socket) -> None:
        """Answer one of several small requests, and leave its connection with the poller meanwhile."""
        if self._ready > 1 and (data := self._receive(conn)) and (environ := self._for_here(conn, data)):
            self.keepalived_conns.remove(conn)
            if self._handle(conn, 0.0, environ):
                conn.set_timeout()
                self.keepalived_conns.append(conn)
            else:
                self.poller.unregister(client)
                self.finish_request(conn, None)
        else:
            super().on_client_socket_readable(conn, client)

    def enqueue_req(self, conn: TConn) -> None:
        """Read what has come of a request; send it on its way, or wait for the rest without a thread."""
        if not conn.initialized:
            self._begin(conn)
        data = self._receive(conn)
        for _ in range(_CONVERSATION):
            if not data or not (environ := self._for_here(conn, data)):
                break
            if not self._handle(conn, 0.0, environ):
                self.finish_request(conn, None)
                return
            # no way through the poller, for a client that asks again at once
            if not self._next_comes(conn):
                super().finish_request(conn, KEEP)
                return
            data = self._receive(conn)
        if data is None:
            self._await_more(conn)
        elif not data:
            self._forget(conn)
        else:
            self._send_on(conn, data.lstrip(b"\r\n"))

    def _send_on(self, conn: TConn, data: bytes) -> None:
        """Give a request to the threads for its kind, or refuse it."""
        if data.startswith(_STREAM):
            self._begin_stream(conn)
        elif data.startswith((b"GET ", b"HEAD ", b"POST /ping")):
            self._quick.put(conn)
        elif data.startswith((b"DELETE ", b"POST /models ", b"POST /models/ ")):
            self._loads.put(conn)  # never refused: unloading is what makes room
        elif self._has_room():
            self._line.put(conn)
        else:
            self._refuse(conn)

    def _for_here(self, conn: TConn, data: bytes) -> dict[str, Any] | None:
        """Return a request that the main thread may answer: it will not take long, nor is there too much else to do."""
        if (
            self._is_quick()
            and self._ready * self._core_seconds < _WAIT_SECONDS
            and len(data) <= plain.MOST
            and len(self._line) < QUEUE_LENGTH // 2
            and sockets.has_read_all(conn.sock)
        ):
            environ = plain.read(data, conn.client, conn.server)
            return environ if environ and plain.is_bounded(environ) else None
        return None

    def _is_quick(self) -> bool:
        return self.inline and self._core_seconds < _SHORT_SECONDS

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
        record.begin()
        self._finish(conn, keep=self.handle(conn))
        return False

    def _answer_or_let_go(self, conn: TConn, waited: float) -> bool:
        """Answer a request from the line; say whether the client's next one is already here."""
        if waited > HELD_UP_SECONDS and sockets.is_gone(conn.sock):
            self.method_queue.defer(self._forget, conn)
            return False
        data = self._receive(conn)
        if data is None:  # only a part of the client's next request is here
            self.method_queue.defer(self._await_more, conn)
            return False
        environ = plain.read(data, conn.client, conn.server)
        keep = self._handle(conn, waited, environ)
        is_the_main_threads = self._is_quick() and environ and plain.is_bounded(environ)
        # two switches of threads less, for a client that asks again at once while nobody else waits
        if keep and self.alive and not is_the_main_threads and not self._line and self._next_comes(conn):
            return True
        self._finish(conn, keep=keep)
        return False

    def _handle(self, conn: TConn, waited: float, environ: dict[str, Any] | None) -> bool:
        """Answer one request that has waited for some seconds, and note how long it takes, and how long of the core.

        The two differ where threads share the core, and where one waits, for a slow client say.
        """
        this, started, core = record.begin(waited), time.monotonic(), time.thread_time()
        if environ:
            conn.parser.unreader.take_buffered()
            keep = self.handle_plain(environ, conn)
        else:
            keep = self.handle(conn)
        spent = time.monotonic() - started - this.seconds["read"]  # which a slow client may draw out
        self._mean_seconds += 0.1 * (spent - self._mean_seconds)
        self._core_seconds += 0.1 * (time.thread_time() - core - self._core_seconds)
        return keep

    def _has_room(self) -> bool:
        """Say whether a request that comes now is answered long before the platform gives up on it."""
        now = time.monotonic()
        if not self._is_short() and now - self._looked > _LOOK_SECONDS:
            self._looked = now
            self._line.remove(self._let_go)
        return self._is_short()

    def _is_short(self) -> bool:
        return len(self._line) < QUEUE_LENGTH and self._line_seconds() < self.cfg.timeout / 2

    def _line_seconds(self) -> float:
        """Return how long it will take until all who wait in line now have their answers."""
        return float(len(self._line) * self._mean_seconds / self.cfg.threads)

    def _let_go(self, conn: TConn) -> bool:
        if gone := sockets.is_gone(conn.sock):
            self._forget(conn)
        return gone
