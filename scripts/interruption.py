"""The end of a command by Ctrl-C, SIGTERM or SIGHUP while SageMaker's SDK works for it.

signal -> clean up -> one line that says what exists -> exit code 128 and the signal's number

Not by an exception: the telemetry decorator of both SDKs, around Estimator.fit, ModelTrainer.train and most calls of
local mode, ends in `finally: return`. So it drops KeyboardInterrupt, and the next line of the command would run.
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
_block = threading.Lock()
"""Held by the outermost block."""


@contextlib.contextmanager
def ends_command(what_exists: Callable[[], str], clean_up: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Make a signal inside the block end the process at once; a block inside this one has no effect.

    Args:
        what_exists: Says what is left and what it costs; the end of the line on stderr.
        clean_up: Removes what was started on this machine; called before that line.
    """
    if not _block.acquire(blocking=False):
        yield
        return

    def end(number: int, _: FrameType | None) -> None:
        for each in _SIGNALS:  # a second Ctrl-C must not stop the clean-up
            signal.signal(each, signal.SIG_IGN)
        threading.excepthook = lambda _: None  # a thread of the SDK may miss its container
        clean_up()
        with contextlib.suppress(OSError, RuntimeError):  # the terminal is lost; the signal came inside a print
            sys.stdout.flush()
        with contextlib.suppress(OSError):
            os.write(2, (_SHOW_CURSOR + b"\n") * os.isatty(2) + f"Error: interrupted; {what_exists()}\n".encode())
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
        _block.release()
