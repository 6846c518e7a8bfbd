"""Registry of loaded models and the workers that hold them, as files in memory that all workers see.

    <folder>/listed/<name>         a loaded model: its URL, and its size in each worker in bytes
    <folder>/holders/<pid>/<name>  a hard link to that file: worker <pid> has the model in memory
    <folder>/notifications/<pid>   a socket of that worker: a byte means that a model is no longer listed
    <folder>/lock                  locked while a model is loaded or unlisted

The kernel does the bookkeeping: a file appears or vanishes atomically, its link count says how many workers still have
the model, and a lock ends with its process.
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
"""Interval at which an unload checks whether all workers have released the model."""


@dataclass(frozen=True)
class Entry:
    """A loaded model."""

    name: str
    url: str
    """The model directory, as the platform gave it."""
    size: int
    """Bytes of memory in each worker."""
    identity: dict[str, str] = field(default_factory=dict)
    """`Predictor.identity`: preset, version, data, precision."""


def create(parent: Path = Path("/dev/shm")) -> Path:  # noqa: S108 - makes a private folder in it
    """Make an empty registry, before the workers start."""
    folder = Path(tempfile.mkdtemp(prefix="models-", dir=parent))
    for name in ("listed", "holders", "notifications"):
        (folder / name).mkdir()
    return folder


def remove_worker(folder: Path, pid: int) -> None:
    """Remove a worker that has ended, and all that it held."""
    shutil.rmtree(folder / "holders" / str(pid), ignore_errors=True)
    (folder / "notifications" / str(pid)).unlink(missing_ok=True)


class Registry:
    """A worker's access to the registry."""

    def __init__(self, folder: Path, workers: int) -> None:
        """Register this worker, which holds no model.

        Args:
            folder: from `create`.
            workers: number of workers, those that have yet to start included.
        """
        self._listed, self._held = folder / "listed", folder / "holders" / str(os.getpid())
        self._sockets, self._lock = folder / "notifications", folder / "lock"
        self._workers = workers
        remove_worker(folder, os.getpid())  # of an earlier process with the same id
        self._held.mkdir()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self._sockets / str(os.getpid())))

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock for changes of the list."""
        with self._lock.open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def __contains__(self, name: str) -> bool:
        return (self._listed / name).exists()

    def names(self) -> list[str]:
        """Return the names of the loaded models, sorted."""
        return sorted(path.name for path in self._listed.iterdir())

    def read(self, name: str) -> Entry:
        """Return the entry of a loaded model.

        Raises:
            NotLoadedError: there is no such model.
        """
        try:
            return _entry(self._listed / name)
        except FileNotFoundError as error:
            raise NotLoadedError(f"model {name} is not loaded") from error

    def add(self, entry: Entry) -> None:
        """List a model atomically; this worker holds it. Needs the lock."""
        path = self._held / entry.name
        path.write_text(json.dumps(vars(entry)), encoding="utf-8")
        os.link(path, self._listed / entry.name)

    def hold(self, name: str) -> Entry:
        """Register this worker as a holder of a listed model, before it loads it.

        Raises:
            NotLoadedError: it is not listed.
        """
        try:
            os.link(self._listed / name, self._held / name)
        except FileNotFoundError as error:
            raise NotLoadedError(f"model {name} is not loaded") from error
        return _entry(self._held / name)

    def release(self, name: str) -> None:
        """Note that this worker has freed a model's memory."""
        (self._held / name).unlink(missing_ok=True)

    def is_held(self, name: str) -> bool:
        """Return whether any worker still has a model in memory, listed or not."""
        return any((worker / name).exists() for worker in self._held.parent.iterdir())

    def reserved_bytes(self) -> int:
        """Return the bytes that workers will still take to load all listed models."""
        reserved_bytes = 0
        for name in self.names():
            with contextlib.suppress(FileNotFoundError), (self._listed / name).open() as stream:
                holders = os.fstat(stream.fileno()).st_nlink - 1
                reserved_bytes += (self._workers - holders) * int(json.load(stream)["size"])
        return reserved_bytes

    def remove(self, name: str) -> int:
        """Remove a model from the list; return a file descriptor for `wait_until_released`.

        The caller has the lock, or holds the model.

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
        """Have every worker check whether the models it holds are still listed."""
        for path in self._sockets.iterdir():
            with contextlib.suppress(OSError):  # it has ended, or has unread notifications enough
                self._socket.sendto(b"!", socket.MSG_DONTWAIT, str(path))

    def wait_for_notification(self) -> None:
        """Wait until a model has been removed from the list."""
        self._socket.recv(1)

    def wait_until_released(self, file: int) -> None:
        """Wait until every worker has released the removed model, or ended; close *file*."""
        try:
            while os.fstat(file).st_nlink:
                time.sleep(_POLL_SECONDS)
        finally:
            os.close(file)


def _entry(path: Path) -> Entry:
    return Entry(**json.loads(path.read_bytes()))
