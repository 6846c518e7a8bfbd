"""Waiting for what a test needs, in place of a sleep that is too short on a busy machine."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float, what: str, shown: Callable[[], object] = str) -> T:
    """Ask *condition* again and again until its answer is true; return that answer.

    Args:
        condition: may raise, where waiting longer would not help.
        seconds: the most to wait.
        what: what is waited for, for the message of the failure.
        shown: called after a failure only; the message ends with what it returns, such as a log.

    Raises:
        AssertionError: the answer was still false after *seconds*.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}\n{shown()}".rstrip())
        time.sleep(0.02)  # between two looks
    return answer
