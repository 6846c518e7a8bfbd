"""Scratch folder of one check, and the end of all that the check has started, however the check ends.

scratch_folder  ->  the folder  ->  no container, network, program or folder, also after Ctrl-C, SIGTERM or SIGHUP
"""

import contextlib
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from local_test.platform import container, engine

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_ATTEMPTS = 50
_SHOW_CURSOR = b"\x1b[?25h"
"""The progress bar hides it."""


@dataclass
class Scratch:
    """A new folder, and the image whose containers write to it as root."""

    folder: Path
    image: str | None = None
    """Has chown; None until it is there."""


@contextlib.contextmanager
def scratch_folder() -> Iterator[Scratch]:
    """Yield a new folder, and remove it at the end, with all that this process has started.

    One signal ends the process at once, with 128 and its number as the exit code, as a shell says it.
    """
    scratch = Scratch(Path(tempfile.gettempdir()) / f"check-{uuid.uuid4().hex}")

    def interrupt(number: int, _: FrameType | None) -> None:
        # not by an exception, which other code could catch or which could come before the `try` below
        _ignore_signals()  # `timeout` and users may send a second one while the clean-up runs
        _clean_up(scratch.folder, scratch.image)
        with contextlib.suppress(OSError):  # the terminal may be lost
            os.write(2, _SHOW_CURSOR * os.isatty(2) + b"\ninterrupted; what the check had started is removed\n")
        _remove_placeholder(scratch.folder)  # last, because a thread may make the folder again as soon as it is gone
        os._exit(128 + number)  # threads may wait for containers that are gone

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if number is not signal.SIGHUP or handler is not signal.SIG_IGN:  # nohup ignores it
            signal.signal(number, interrupt)
    scratch.folder.mkdir(mode=0o700)
    try:
        yield scratch
    finally:
        _ignore_signals()
        _clean_up(scratch.folder, scratch.image)
        _remove_placeholder(scratch.folder)
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _clean_up(scratch: Path, image: str | None) -> None:
    """Kill and remove everything; leave a file in the folder's place, which keeps threads from making it again."""
    engine.kill_all()
    shutil.rmtree(scratch, ignore_errors=True)
    if image and os.getuid() != 0 and scratch.exists():  # a container wrote files as root
        container.restore_owner(image, scratch, os.getuid(), os.getgid())
    # after a signal the scenarios still run, and would make the folder again where there is no file with its name
    for _ in range(_ATTEMPTS):
        shutil.rmtree(scratch, ignore_errors=True)
        with contextlib.suppress(FileExistsError):
            scratch.touch(exist_ok=False)
            break


def _remove_placeholder(scratch: Path) -> None:
    for _ in range(_ATTEMPTS):
        with contextlib.suppress(OSError):  # it is a folder again
            scratch.unlink()
        if not scratch.exists():
            return
        shutil.rmtree(scratch, ignore_errors=True)
