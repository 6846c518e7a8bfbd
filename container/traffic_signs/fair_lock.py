"""A lock that is handed on in the order in which it was asked for."""

import threading
from collections import deque


class FairLock:
    """`with lock:` waits for its turn.

    Python's own lock goes to whoever is quickest, so a thread that lets go of it and asks again
    at once, as one does between two parts of a large request, would keep all others out.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._taken = False
        self._queue: deque[threading.Lock] = deque()

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
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
                self._taken = False
