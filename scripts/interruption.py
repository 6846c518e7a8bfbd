"""Ctrl-C while SageMaker's SDK works, which both SDKs drop.

The telemetry decorator around Estimator.fit, ModelTrainer.train and most calls of local mode ends in `finally: return`.
So it drops KeyboardInterrupt and SystemExit, and the next line of the command would run.

in the cloud     not_dropped: KeyboardInterrupt at the end of the block
in local mode    ends_command: clean up -> one line that says what exists -> exit code 128 and the signal's number
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHOW_CURSOR = b"\x1b[?25h"
"""A status line hides it."""
_told: list[Callable[[str], None]] = []


@contextlib.contextmanager
def tells(tell: Callable[[str], None]) -> Iterator[None]:
    """Have `ends_command` call *tell* with its line before it ends the process; --json prints its document so."""
    _told.append(tell)
    try:
        yield
    finally:
        _told.remove(tell)


@contextlib.contextmanager
def not_dropped() -> Iterator[None]:
    """Raise KeyboardInterrupt at the end of the block if Ctrl-C came inside, whatever the SDK did with it."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:  # that of `ends_command`, or ignored
        yield
        return
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if pressed:
            raise KeyboardInterrupt


@contextlib.contextmanager
def ends_command(what_exists: str, clean_up: Callable[[], None]) -> Iterator[None]:
    """Make Ctrl-C, SIGTERM and SIGHUP inside the block end the process at once.

    Not by an exception: the SDK would first pack the half-trained model.

    Args:
        what_exists: The end of the line on stderr.
        clean_up: Removes what was started on this machine; called before that line.
    """

    def end(number: int, _: FrameType | None) -> None:
        for each in _SIGNALS:  # a second Ctrl-C must not stop the clean-up
            signal.signal(each, signal.SIG_IGN)
        threading.excepthook = lambda _: None  # a thread of the SDK may miss its container
        clean_up()
        line = f"interrupted; {what_exists}"
        with contextlib.suppress(OSError, RuntimeError):  # the terminal is lost; the signal came inside a print
            sys.stdout.flush()
            for tell in _told:
                tell(line)
        with contextlib.suppress(OSError):
            os.write(2, (_SHOW_CURSOR + b"\n") * os.isatty(2) + f"Error: {line}\n".encode())
        os._exit(128 + number)

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as below nohup, and in the background
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
