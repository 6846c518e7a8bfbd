"""Manager of the models of a multi-model endpoint, which are loaded and unloaded while others answer requests.

    load    one worker loads the model, measures it, and lists it if there is memory for it in every worker
    using   every other worker loads a listed model at its first request for it
    unload  removes it from the list; each worker releases it after its last request; then the reply is sent

`registry` has the list, and is read for every request, so a worker that replaces another agrees at once.
"""

import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from traffic_signs.errors import AlreadyLoadedError, ArtifactError, NotLoadedError, OutOfMemoryError
from traffic_signs.serving.engine import hardware
from traffic_signs.serving.engine.predictor import Predictor
from traffic_signs.serving.multi_model import memory, validation
from traffic_signs.serving.multi_model.registry import Entry, Registry
from traffic_signs.serving.telemetry.metrics import Metrics

_log = logging.getLogger(__name__)


@dataclass
class _Loaded:
    predictor: Predictor
    users: int = 0
    unlisted: bool = False


class ModelManager:
    """The models of one worker, shared by its threads."""

    def __init__(
        self, root: Path, folder: Path, workers: int, metrics: Metrics | None = None, precision: str = "auto"
    ) -> None:
        """Start with no model in memory; listed models are loaded at their first request.

        Args:
            root: the directory of all models, /opt/ml/models.
            folder: the registry's, from `registry.create`.
            workers: number of workers.
            metrics: counts loads and batches.
            precision: "auto", "float32" or "int8".
        """
        self._metrics, self._precision = metrics, precision
        self._root = root.resolve()
        self._registry = Registry(folder, workers)
        self._workers = workers
        self._loaded: dict[str, _Loaded] = {}
        self._lock = threading.Lock()
        self._memory_lock = threading.Lock()
        """Held while this worker loads or drops a model; taken after the registry's lock and before `_lock`."""
        threading.Thread(target=self._watch_registry, name="unloading", daemon=True).start()

    def load(self, name: str, url: str) -> Entry:
        """Load the model in the directory *url* under *name*.

        Raises:
            RequestError: the name is not a file name, the directory is not below the root, or the model is unusable.
            NotLoadedError: there is no such directory.
            AlreadyLoadedError: the name is in use, or a worker has not unloaded its last model yet.
            OutOfMemoryError: there is not enough memory for it in every worker.
        """
        validation.validate_new_name(name)
        directory = validation.resolve_directory(url, self._root)
        with self._registry.lock():
            if name in self._registry:
                raise AlreadyLoadedError(f"model {name} is loaded already")
            if self._registry.is_held(name):
                self._registry.notify()
                raise AlreadyLoadedError(f"model {name} is still being unloaded")
            with self._memory_lock:
                predictor, size = memory.load_if_it_fits(
                    directory, self._workers, self._registry.reserved_bytes, self._metrics, self._precision
                )
                entry = Entry(name, url, size, predictor.identity)
                try:
                    self._registry.add(entry)
                except OSError as error:
                    self._release(name, _Loaded(predictor))
                    raise OutOfMemoryError(f"cannot write the list of models: {error}") from error
                self._loaded[name] = _Loaded(predictor)
        return entry

    def unload(self, name: str) -> None:
        """Unload a model; when this returns, no worker has it in memory.

        Raises:
            NotLoadedError: it is not loaded.
        """
        validation.validate_name(name)
        with self._registry.lock():
            file = self._registry.remove(name)
        self._registry.wait_until_released(file)

    def get(self, name: str) -> Entry:
        """Return the entry of a loaded model.

        Raises:
            NotLoadedError: it is not loaded.
        """
        validation.validate_name(name)
        return self._registry.read(name)

    def page(self, after: str, limit: int) -> tuple[list[Entry], str | None]:
        """Return at most *limit* loaded models with names above *after*, and the last name if there are more."""
        names = [name for name in self._registry.names() if name > after]
        entries = []
        for name in names[:limit]:
            with contextlib.suppress(NotLoadedError):  # unloaded in the meantime
                entries.append(self._registry.read(name))
        return entries, names[limit - 1] if len(names) > limit else None

    def identities(self) -> list[dict[str, str]]:
        """Return the name and `Predictor.identity` of each loaded model."""
        entries, _ = self.page("", sys.maxsize)
        return [{"model": entry.name, **entry.identity} for entry in entries]

    @contextlib.contextmanager
    def using(self, name: str) -> Iterator[Predictor]:
        """Keep a model loaded while it is in use.

        Raises:
            NotLoadedError: it is not loaded.
            OutOfMemoryError: the memory that this worker needs for it has been taken.
        """
        validation.validate_name(name)
        loaded = self._acquire(name) or self._load_registered(name)
        try:
            yield loaded.predictor
        finally:
            with self._lock:
                loaded.users -= 1
                last = loaded.unlisted and not loaded.users
            if last:
                self._release(name, loaded)

    def _acquire(self, name: str) -> _Loaded | None:
        with self._lock:
            loaded = self._loaded.get(name)
            if loaded is None or name not in self._registry:
                return None
            loaded.users += 1
            return loaded

    def _load_registered(self, name: str) -> _Loaded:
        """Load a model that another worker has listed."""
        if name not in self._registry:  # checked first without waiting for a load in progress
            raise NotLoadedError(f"model {name} is not loaded")
        with self._memory_lock:
            if loaded := self._acquire(name):  # another thread has loaded it
                return loaded
            if name in self._loaded:  # unlisted, and this worker has not handled the notification yet
                raise NotLoadedError(f"model {name} is not loaded")
            entry = self._registry.hold(name)
            try:
                if hardware.free_bytes() < entry.size:
                    raise OutOfMemoryError(f"no memory for model {name} in another worker: {entry.size:,} bytes needed")
                loaded = _Loaded(memory.load(Path(entry.url), self._metrics, self._precision), users=1)
            except ArtifactError as error:  # its files are gone: what one worker cannot serve is unloaded in all
                _log.error("%s is unloaded: %s", name, error)
                with contextlib.suppress(NotLoadedError):
                    os.close(self._registry.remove(name))
                self._registry.release(name)
                raise NotLoadedError(f"model {name} is not loaded: {error}") from error
            except BaseException:
                self._registry.release(name)
                raise
            self._loaded[name] = loaded
            return loaded

    def _watch_registry(self) -> None:
        """Release unlisted models, until the worker ends."""
        while True:
            self._registry.wait_for_notification()
            try:
                self._drop_unlisted()
            except Exception:  # noqa: BLE001 - without this thread every later unload would never return
                _log.exception("failed to unload a model")

    def _drop_unlisted(self) -> None:
        with self._memory_lock, self._lock:
            unlisted = {name: loaded for name, loaded in self._loaded.items() if name not in self._registry}
            for name, loaded in unlisted.items():
                del self._loaded[name]
                loaded.unlisted = True
            unused = [(name, loaded) for name, loaded in unlisted.items() if not loaded.users]
        for name, loaded in unused:
            self._release(name, loaded)

    def _release(self, name: str, loaded: _Loaded) -> None:
        loaded.predictor.close()
        memory.trim()
        self._registry.release(name)
