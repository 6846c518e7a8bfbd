"""Whose turn it is in the main thread: nobody who asks without a pause keeps the others out.

    poller -> what has come, new connections first, then who was left of the last turn, then the rest
           -> each is dealt with, until the turn is over
           -> a rest, if requests were refused

A refused client asks again at once, and hundreds of them would take the core from the threads that answer others.
"""

import errno
import math
import selectors
import socket
import time

from gunicorn.workers.gthread import TConn

from traffic_signs.serving.connections import Connections
from traffic_signs.serving.line import HELD_UP_SECONDS, Line

_TURN_SECONDS = 0.02
"""After which the main thread looks who else has come, a ping on a new connection perhaps; with hundreds of clients
the look takes a millisecond."""
_ACCEPTS = 16
"""New connections that are taken at a time: with one a turn, a ping behind hundreds waits for seconds; with all, this
worker would have them all."""
_REST = 9
"""How many times longer the main thread rests than it has computed to refuse requests."""


class Dispatcher(Connections):
    """Takes turns; what is done with a request is up to `worker.Worker`."""

    _line: "Line[TConn]"
    """Requests that wait for a thread."""

    def init_process(self) -> None:
        """Begin with nobody left."""
        self._ready = 0
        self._left: dict[int, int] = {}
        super().init_process()

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Do what has come to do, for a turn; what is left then comes first the next time, behind new connections.

        The poller would name those first who were named first before: they ask again, and the rest would wait for ever.
        """
        self.metrics.waiting(len(self._line))
        found = self.poller.select(min(timeout, HELD_UP_SECONDS) if self._line else timeout)
        events = sorted(found, key=self._place)
        self._ready, refused, core = len(events), self._refused, time.thread_time()
        end = time.monotonic() + _TURN_SECONDS
        for key, _ in events:
            key.data(key.fileobj)
            self._ready -= 1
            if time.monotonic() > end:
                break
        left = events[len(events) - self._ready :]
        self._left = {key.fd: place for place, (key, _) in enumerate(left)}
        self._line.relieve()
        if refused < self._refused:
            refusing = (time.thread_time() - core) * (self._refused - refused) / (len(events) - self._ready)
            time.sleep(min(_REST * refusing, self._line_seconds() / 2))
        self._tell_refused()

    def accept(self, listener: socket.socket) -> None:
        """Take new connections; without a file descriptor for one, others have to end first."""
        for _ in range(_ACCEPTS):
            before = self.nr_conns
            try:
                super().accept(listener)
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE):
                    raise
                time.sleep(_TURN_SECONDS)
            if self.nr_conns == before or self.nr_conns >= self.worker_connections:
                break

    def _place(self, event: "tuple[selectors.SelectorKey, int]") -> float:
        key, _ = event
        return -1 if key.data == self.accept else self._left.get(key.fd, math.inf)

    def _line_seconds(self) -> float:
        """Return how long it will take until all who wait in line now have their answers."""
        raise NotImplementedError
