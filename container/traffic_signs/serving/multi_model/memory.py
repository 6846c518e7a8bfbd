"""Memory of a model in a worker: estimated before the load, measured after it, released at once."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from traffic_signs.errors import ArtifactError, OutOfMemoryError, RequestError
from traffic_signs.images import preprocessing
from traffic_signs.model import artifact, litert, own_code
from traffic_signs.serving.engine import hardware
from traffic_signs.serving.engine.predictor import Predictor
from traffic_signs.serving.telemetry.metrics import Metrics

_OVERHEAD_BYTES, _MAX_FACTOR = 1 * 2**20, 16
"""A network takes at least a megabyte and twice its file. Its measured size is capped at this multiple of that, because
the measurement includes what other threads allocated at the same time."""
_HEADROOM_BYTES = 100 * 2**20
"""Bytes kept free for the requests of each worker."""


def load(directory: Path, metrics: Metrics | None, precision: str) -> Predictor:
    """Load a model and have it allocate all the memory that it will ever need.

    Raises:
        ArtifactError: the model cannot be served.
    """
    if (program := directory / "code" / "inference.py").is_file():  # not ignored: its answers would differ
        raise ArtifactError(f"{program} is a model's own code, which a multi-model endpoint does not run")
    own_code.log_unused(directory, None)
    predictor = Predictor(directory, metrics=metrics, precision=precision)
    predictor.predict(np.zeros((litert.BATCH, *preprocessing.SHAPE), np.uint8))
    return predictor


def load_if_it_fits(
    directory: Path, workers: int, reserved_bytes: Callable[[], int], metrics: Metrics | None, precision: str
) -> tuple[Predictor, int]:
    """Load a model that no worker has, as `load` does, if there is memory for it in every worker.

    Args:
        directory: the model directory.
        workers: number of workers.
        reserved_bytes: returns the bytes that workers will still take for models that others have loaded.
        metrics: counts loads and batches.
        precision: "auto", "float32" or "int8".

    Returns:
        The model and its size in bytes.

    Raises:
        OutOfMemoryError: there is not enough memory.
        RequestError: the model cannot be served.
    """

    def check_free(needed: int) -> None:
        free = hardware.free_bytes() - reserved_bytes() - _HEADROOM_BYTES * workers
        if free < needed:
            raise OutOfMemoryError(f"no memory for another model: {needed:,} bytes needed, {max(0, free):,} free")

    min_size = _min_bytes(directory)
    check_free(min_size * workers)
    trim()  # else the network moves into free memory that already counts as this process's
    before = private_bytes()
    try:
        predictor = load(directory, metrics, precision)
    except ArtifactError as error:
        raise RequestError(str(error)) from error
    size = min(max(private_bytes() - before, min_size), _MAX_FACTOR * min_size)
    try:
        check_free(size * (workers - 1))
    except OutOfMemoryError:
        predictor.close()
        trim()
        raise
    return predictor, size


def _min_bytes(directory: Path) -> int:
    """Return the least bytes that the model in *directory* will take."""
    try:
        return 2 * (directory / artifact.LITERT).stat().st_size + _OVERHEAD_BYTES
    except FileNotFoundError:  # the load has the better error message
        return _OVERHEAD_BYTES


def private_bytes() -> int:
    """Return the resident bytes that this process does not share."""
    _, resident, shared, *_ = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def trim() -> None:
    """Have the C library return free memory to the kernel, instead of keeping it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim:
        trim(0)
