"""Scratch folder of one check, and the end of all that the check has started, however the check ends.

scratch_folder  ->  the folder  ->  no container, network, program or folder, also after Ctrl-C, SIGTERM or SIGHUP
"""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from local_test.platform import container, engine

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def scratch_folder(image: str | None) -> Iterator[Path]:
    """Yield a new folder, and remove it at the end, with all that this process has started.

    One signal ends the process at once, with 128 and its number as the exit code, as a shell says it.

    Args:
        image: has chown, for files that its containers write as root.
    """
    received: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        _ignore_signals()  # `timeout` and users may send a second one while the clean-up runs
        received.append(number)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number, handler in before.items():
        if number is not signal.SIGHUP or handler is not signal.SIG_IGN:  # nohup ignores it
            signal.signal(number, interrupt)
    scratch = Path(tempfile.mkdtemp(prefix="check-"))
    try:
        yield scratch
    finally:
        _ignore_signals()
        engine.kill_all()
        _remove(scratch, image)
        if received:
            # the terminal may be lost; and threads may wait for containers that are gone
            with contextlib.suppress(OSError):
                print("interrupted; what the check had started is removed", file=sys.stderr, flush=True)  # noqa: T201
            os._exit(128 + received[0])
        for number, handler in before.items():
            signal.signal(number, handler)


def _ignore_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _remove(scratch: Path, image: str | None) -> None:
    shutil.rmtree(scratch, ignore_errors=True)
    if image and os.getuid() != 0 and scratch.exists():  # a container wrote files as root
        container.restore_owner(image, scratch, os.getuid(), os.getgid())
    shutil.rmtree(scratch, ignore_errors=True)
