"""Which models are loaded, and in which workers, as files in memory that all workers see.

    <folder>/listed/<name>         a model is loaded: its URL, and the bytes that it takes in each worker
    <folder>/holders/<pid>/<name>  a link to that file: worker <pid> has the model in its memory
    <folder>/bells/<pid>           a socket of that worker: a byte says that a model is no longer listed
    <folder>/lock                  locked by whoever loads a model or unloads one

The kernel keeps the books. A file appears or vanishes at once for everybody, its count of links says how
many workers still have the model, and a lock goes with the process that held it.
"""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from traffic_signs.errors import NotLoadedError

_POLL_SECONDS = 0.002
"""How often whoever unloads a model looks whether all workers have let go of it."""


@dataclass(frozen=True)
class Entry:
    """A loaded model."""

    name: str
    url: str
    """The directory it lies in, as the platform named it."""
    size: int
    """Bytes of memory that it takes in a worker."""
    identity: dict[str, str] = field(default_factory=dict)
    """What it is: preset, version, data."""


def create(parent: Path = Path("/dev/shm")) -> Path:  # noqa: S108 - a private folder is made in it
    """Make an empty folder, before there are workers."""
    folder = Path(tempfile.mkdtemp(prefix="models-", dir=parent))
    for name in ("listed", "holders", "notifications"):
        (folder / name).mkdir()
    return folder


def remove_worker(folder: Path, pid: int) -> None:
    """A worker has ended, and whatever it had in its memory."""
    shutil.rmtree(folder / "holders" / str(pid), ignore_errors=True)
    (folder / "notifications" / str(pid)).unlink(missing_ok=True)


class Registry:
    """A worker's view of the folder."""

    def __init__(self, folder: Path, workers: int) -> None:
        """Take part, with nothing in memory.

        Args:
            folder: made by `create`.
            workers: how many there are, or will be.
        """
        self._listed, self._held = folder / "listed", folder / "holders" / str(os.getpid())
        self._sockets, self._lock = folder / "notifications", folder / "lock"
        self._workers = workers
        remove_worker(folder, os.getpid())  # of a process that had our number
        self._held.mkdir()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._sockets / str(os.getpid())))

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Be the only one who changes the list."""
        with self._lock.open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def __contains__(self, name: str) -> bool:
        return (self._listed / name).exists()

    def names(self) -> list[str]:
        """Return the names of the loaded models, sorted."""
        return sorted(path.name for path in self._listed.iterdir())

    def read(self, name: str) -> Entry:
        """Return what is known of a loaded model.

        Raises:
            NotLoadedError: there is no such model.
        """
        try:
            return _entry(self._listed / name)
        except FileNotFoundError as error:
            raise NotLoadedError(f"model {name} is not loaded") from error

    def add(self, entry: Entry) -> None:
        """List a model, whole or not at all; this worker holds it. Needs the lock."""
        mine = self._held / entry.name
        mine.write_text(json.dumps(vars(entry)), encoding="utf-8")
        os.link(mine, self._listed / entry.name)

    def hold(self, name: str) -> Entry:
        """Note that this worker is about to have a listed model in its memory.

        Raises:
            NotLoadedError: it is not listed.
        """
        try:
            os.link(self._listed / name, self._held / name)
        except FileNotFoundError as error:
            raise NotLoadedError(f"model {name} is not loaded") from error
        return _entry(self._held / name)

    def release(self, name: str) -> None:
        """Note that this worker has given a model's memory back."""
        (self._held / name).unlink(missing_ok=True)

    def is_held(self, name: str) -> bool:
        """Say whether any worker still has a model in its memory, listed or not."""
        return any((worker / name).exists() for worker in self._held.parent.iterdir())

    def reserved_bytes(self) -> int:
        """Return the bytes that workers will take once they all have loaded what is listed."""
        reserved_bytes = 0
        for name in self.names():
            with contextlib.suppress(FileNotFoundError), (self._listed / name).open() as stream:
                holders = os.fstat(stream.fileno()).st_nlink - 1
                reserved_bytes += (self._workers - holders) * int(json.load(stream)["size"])
        return reserved_bytes

    def remove(self, name: str) -> int:
        """Take a model off the list; return a descriptor to wait with. Needs the lock, or to hold the model.

        Raises:
            NotLoadedError: it is not listed.
        """
        try:
            file = os.open(self._listed / name, os.O_RDONLY)
        except FileNotFoundError as error:
            raise NotLoadedError(f"model {name} is not loaded") from error
        (self._listed / name).unlink()
        self.notify()
        return file

    def notify(self) -> None:
        """Have every worker look whether what it holds is still listed."""
        for path in self._sockets.iterdir():
            with contextlib.suppress(OSError):  # it has ended, or has rings enough that it has not heard yet
                self._socket.sendto(b"!", socket.MSG_DONTWAIT, str(path))

    def wait_for_notification(self) -> None:
        """Wait until a model has been taken off the list."""
        self._socket.recv(1)

    def wait_until_released(self, file: int) -> None:
        """Wait until no worker has the struck model in its memory any more: each lets go of it, or ends."""
        try:
            while os.fstat(file).st_nlink:
                time.sleep(_POLL_SECONDS)
        finally:
            os.close(file)


def _entry(path: Path) -> Entry:
    return Entry(**json.loads(path.read_bytes()))
