"""What a model takes of a worker's memory: estimated before it is loaded, measured after, given back at once."""

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from traffic_signs.errors import ArtifactError, MemoryShortError, RequestError
from traffic_signs.images import preprocessing
from traffic_signs.model import artifact, litert
from traffic_signs.serving.engine import hardware
from traffic_signs.serving.engine.predictor import Predictor
from traffic_signs.serving.telemetry.metrics import Metrics

_OVERHEAD_BYTES, _MAX_FACTOR = 1 * 2**20, 16
"""A network takes at least its file twice and a megabyte; its measured size counts up to so many times that, because
what other threads took at the same time is in it."""
_HEADROOM_BYTES = 100 * 2**20
"""Bytes that are kept free for the requests of each worker."""


def load(directory: Path, metrics: Metrics | None, precision: str) -> Predictor:
    """Load a model and let it take all the memory that it will ever need.

    Raises:
        ArtifactError: it cannot be served.
    """
    if (program := directory / "code" / "inference.py").is_file():  # not passed over: its answers would be others
        raise ArtifactError(f"{program} is code of its own, which a multi-model endpoint does not run")
    predictor = Predictor(directory, metrics=metrics, precision=precision)
    predictor.predict(np.zeros((litert.BATCH, *preprocessing.SHAPE), np.uint8))
    return predictor


def load_if_it_fits(
    directory: Path, workers: int, reserved_bytes: Callable[[], int], metrics: Metrics | None, precision: str
) -> tuple[Predictor, int]:
    """Load a model that nobody has, as `load` does, if there is memory for it in every worker.

    Args:
        directory: the model's.
        workers: how many there are.
        reserved_bytes: says how many bytes workers will still take for models that others have loaded.
        metrics: where loads and batches are counted.
        precision: "auto", "float32" or "int8".

    Returns:
        The model and the bytes that it takes.

    Raises:
        MemoryShortError: there is not enough.
        RequestError: it cannot be served.
    """

    def check_free(needed: int) -> None:
        free = hardware.free_bytes() - reserved_bytes() - _HEADROOM_BYTES * workers
        if free < needed:
            raise MemoryShortError(f"no memory for a further model: {needed:,} bytes needed, {max(0, free):,} free")

    min_size = _min_bytes(directory)
    check_free(min_size * workers)
    trim()  # or the network would move into free memory that counts as ours already
    before = private_bytes()
    try:
        predictor = load(directory, metrics, precision)
    except ArtifactError as error:
        raise RequestError(str(error)) from error
    size = min(max(private_bytes() - before, min_size), _MAX_FACTOR * min_size)
    try:
        check_free(size * (workers - 1))
    except MemoryShortError:
        predictor.close()
        trim()
        raise
    return predictor, size


def _min_bytes(directory: Path) -> int:
    """Return the bytes that the model in *directory* will take at least."""
    try:
        return 2 * (directory / artifact.LITERT).stat().st_size + _OVERHEAD_BYTES
    except FileNotFoundError:  # loading says better what is missing
        return _OVERHEAD_BYTES


def private_bytes() -> int:
    """Return the bytes that this process shares with nobody."""
    _, resident, shared, *_ = Path("/proc/self/statm").read_text(encoding="ascii").split()
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def trim() -> None:
    """Have the C library give free memory back to the kernel, which it else keeps for later."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
    if trim:
        trim(0)
