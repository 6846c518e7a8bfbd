"""FIFO lock: threads get it in the order of their requests."""

import threading
from collections import deque


class FairLock:
    """Lock for `with lock:` that serves waiting threads in order.

    Python's own lock does not: a thread that releases it and acquires it again immediately, as
    between two batches of a large request, would starve all others.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locked = False
        self._queue: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._locked:
                self._locked = True
                return
            turn = threading.Lock()
            turn.acquire()
            self._queue.append(turn)
        turn.acquire()

    def __exit__(self, *_error: object) -> None:
        with self._guard:
            if self._queue:
                self._queue.popleft().release()
            else:
                self._locked = False
