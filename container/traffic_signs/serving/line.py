"""Work that waits, first come first served, for one of few threads.

Few work at once, because where cores are the limit a further one gains nothing and costs fairness.
One that is held up, by a slow client or by a large request, does not count after a moment:
another one starts in its place, so that small work overtakes large.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

HELD_UP_SECONDS = 0.25

Item = TypeVar("Item")


class Line(Generic[Item]):
    """A line of items, and the threads that take from it."""

    def __init__(self, work: Callable[[Item, float], bool], threads: int, most: int, name: str) -> None:
        """Start the threads.

        Args:
            work: called with an item and the seconds for which it has waited; says whether the item has
                more to do at once. May not raise.
            threads: how many work at once.
            most: how many there are at most, with those that are held up.
            name: of the threads, as a debugger shows it.
        """
        self._work = work
        self._usual, self._most, self._name = threads, max(most, threads), name
        self._items: queue.SimpleQueue[tuple[float, Item]] = queue.SimpleQueue()
        self._busy: dict[int, float] = {}
        """Since when each thread has worked on what it does now."""
        self._lock = threading.Lock()
        self._threads = 0
        for _ in range(threads):
            self._start()

    def __len__(self) -> int:
        return self._items.qsize()

    def put(self, item: Item) -> None:
        """Let *item* join at the end."""
        self._items.put((time.monotonic(), item))

    def remove(self, leaves: Callable[[Item], bool]) -> None:
        """Take out those items of which *leaves* says so."""
        waiting = []
        with contextlib.suppress(queue.Empty):
            while True:  # all of them first: one put back while others are taken would be overtaken
                waiting.append(self._items.get_nowait())
        for since, item in waiting:
            if not leaves(item):
                self._items.put((since, item))

    def relieve(self) -> None:
        """Start a thread in place of each that is held up while others wait; to be called now and then."""
        latest = time.monotonic() - HELD_UP_SECONDS
        held_up = sum(since < latest for since in list(self._busy.values()))
        while self._items.qsize() and self._threads < min(self._usual + held_up, self._most):
            self._start()

    def _start(self) -> None:
        with self._lock:
            self._threads += 1
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        thread = threading.get_ident()
        while True:
            since, item = self._items.get()
            started = self._busy[thread] = time.monotonic()
            more = self._work(item, started - since)
            while more:
                self._busy[thread] = time.monotonic()
                more = self._work(item, 0.0)
            seconds = time.monotonic() - self._busy.pop(thread)
            with self._lock:
                if seconds > HELD_UP_SECONDS and self._threads > self._usual:  # another works in its place
                    self._threads -= 1
                    return
