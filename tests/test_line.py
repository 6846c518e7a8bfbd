"""A line of work and its few threads."""

import threading
import time

import pytest

from traffic_signs.serving import line as lines
from traffic_signs.serving.line import Line


@pytest.fixture(autouse=True)
def nobody_is_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a busy machine lets a thread wait for its core."""
    monkeypatch.setattr(lines, "HELD_UP_SECONDS", 60)


def wait_for(condition: threading.Event) -> None:
    assert condition.wait(10)


def test_items_are_worked_on_in_their_order() -> None:
    done: list[int] = []
    last = threading.Event()

    def work(item: int, _waited: float) -> bool:
        done.append(item)
        if item == 99:
            last.set()
        return False

    line: Line[int] = Line(work, 1, 1, "test")
    for item in range(100):
        line.put(item)
    wait_for(last)
    assert done == list(range(100))
    assert not line


def test_an_item_with_more_to_do_goes_on_at_once() -> None:
    calls: list[tuple[str, bool]] = []
    last = threading.Event()

    def work(item: str, waited: float) -> bool:
        calls.append((item, waited > 0))
        if item == "b":
            last.set()
        return len(calls) < 3

    line: Line[str] = Line(work, 1, 1, "test")
    line.put("a")
    line.put("b")
    wait_for(last)
    assert calls == [("a", True), ("a", False), ("a", False), ("b", True)]


def test_only_as_many_work_at_once_as_there_are_threads() -> None:
    lock, last, now, most = threading.Lock(), threading.Event(), [0], [0]

    def work(item: int, _waited: float) -> bool:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        line.relieve()
        if item == 19:
            last.set()
        return False

    line: Line[int] = Line(work, 2, 8, "test")
    for item in range(20):
        line.put(item)
    wait_for(last)
    assert most == [2]


def test_another_thread_takes_the_place_of_one_that_is_held_up_and_leaves_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free, small, begun = threading.Event(), threading.Event(), threading.Semaphore(0)

    def work(item: str, _waited: float) -> bool:
        if item == "large":
            begun.release()
            wait_for(free)
        else:
            small.set()
        return False

    line: Line[str] = Line(work, 1, 2, "held-up")
    line.put("large")
    assert begun.acquire(timeout=10)
    line.put("small")
    line.relieve()
    assert not small.wait(0.05)
    monkeypatch.setattr(lines, "HELD_UP_SECONDS", 0.04)  # it has worked for longer
    line.relieve()
    wait_for(small)
    line.put("large")  # both are held up now
    assert begun.acquire(timeout=10)
    time.sleep(0.05)
    line.put("small")
    line.relieve()
    assert len(line) == 1
    free.set()
    deadline = time.monotonic() + 10
    while sum(thread.name == "held-up" for thread in threading.enumerate()) > 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nobody_overtakes_while_others_leave() -> None:
    busy, free, done, last = threading.Event(), threading.Event(), list[int](), threading.Event()

    def work(item: int, _waited: float) -> bool:
        busy.set()
        wait_for(free)
        done.append(item)
        if item == 9:
            last.set()
        return False

    def stays(_item: int) -> bool:
        free.set()
        time.sleep(0.01)  # in which the thread takes what it can get
        return False

    line: Line[int] = Line(work, 1, 1, "test")
    line.put(0)
    wait_for(busy)
    for item in range(1, 10):
        line.put(item)
    line.remove(stays)
    wait_for(last)
    assert done == list(range(10))


def test_those_who_leave_are_taken_out_and_the_order_stays() -> None:
    free, done, last = threading.Event(), list[int](), threading.Event()

    def work(item: int, _waited: float) -> bool:
        wait_for(free)
        done.append(item)
        if item == 8:
            last.set()
        return False

    line: Line[int] = Line(work, 1, 1, "test")
    line.put(0)
    while line:
        time.sleep(0.01)
    for item in range(1, 9):
        line.put(item)
    line.remove(lambda item: item % 2 == 1)
    assert len(line) == 4
    free.set()
    wait_for(last)
    assert done == [0, 2, 4, 6, 8]
