"""Checkpoints in /opt/ml/checkpoints, from which an interrupted job resumes.

    state of the loop -> State.to_bytes -> Checkpoints.save -> step-00000123.npz
    the newest intact file -> Checkpoints.newest -> State.from_bytes -> state of the loop

SageMaker creates the folder for a job that asks for checkpoints (the SDK's `checkpoint_s3_uri`, which
managed spot training needs). It copies the folder from and to S3, and leaves marker files in it. A
job without the folder writes no checkpoints. Files are written atomically. Each is a NumPy archive
without pickles, whose checksums detect damage.
"""

import contextlib
import io
import json
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from traffic_signs.errors import CheckpointError

_log = logging.getLogger(__name__)
_FORMAT = 1
_KEPT = 2
"""The newest and the one before it: if the newest is damaged, only one epoch is lost."""


@dataclass(frozen=True, eq=False)
class State:
    """Everything that a training needs to resume bit-identically after *step* steps."""

    identity: Mapping[str, Any]
    """Settings and data of the training, as JSON values. Only a training with the same ones resumes."""
    step: int
    """Steps taken since the training began."""
    variables: list[np.ndarray]
    """Every variable of the network and of the optimizer: weights, states of random generators,
    moments, averages."""
    loss: float = 0.0
    """Sum of the loss over the images of the current epoch."""
    correct: float = 0.0
    """Number of images of the current epoch that were classified correctly in training."""
    history: Mapping[str, list[float]] = field(default_factory=dict)
    """Metrics of the completed epochs."""
    best_epoch: int = 0
    """Counted from 1; 0 before the first epoch is complete."""
    best: list[np.ndarray] = field(default_factory=list)
    """Weights of the best epoch."""
    seconds: float = 0.0
    """Wall time spent so far, by all jobs of this training."""

    def to_bytes(self) -> bytes:
        """Return the state as a NumPy archive."""
        arrays: dict[str, Any] = {f"variable-{index}": value for index, value in enumerate(self.variables)}
        arrays |= {f"best-{index}": value for index, value in enumerate(self.best)}
        scalars = {
            "format": _FORMAT,
            "identity": self.identity,
            "step": self.step,
            "loss": self.loss,
            "correct": self.correct,
            "history": self.history,
            "best_epoch": self.best_epoch,
            "seconds": self.seconds,
        }
        stream = io.BytesIO()
        arrays["scalars"] = np.frombuffer(json.dumps(scalars).encode(), np.uint8)
        np.savez(stream, allow_pickle=False, **arrays)
        return stream.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> "State":
        """Read what `to_bytes` wrote.

        Raises:
            CheckpointError: the archive is truncated, damaged, or of another format.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            scalars = json.loads(arrays["scalars"].tobytes())
            if scalars.pop("format") != _FORMAT:
                raise CheckpointError("it is of another format")
            return cls(**scalars, variables=_numbered(arrays, "variable"), best=_numbered(arrays, "best"))
        except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, RuntimeError, BadZipFile) as error:
            # not NumPy's message, which recommends to allow pickles
            raise CheckpointError("it is damaged, or this program did not write it") from error


def _numbered(arrays: Mapping[str, np.ndarray], kind: str) -> list[np.ndarray]:
    count = sum(name.startswith(f"{kind}-") for name in arrays)
    return [arrays[f"{kind}-{index}"] for index in range(count)]


class Checkpoints:
    """The checkpoints in *folder*; with None nothing is written and nothing is found."""

    def __init__(self, folder: Path | None) -> None:
        """See the class."""
        self._folder = folder

    def save(self, state: State) -> None:
        """Write *state* atomically, then delete all but the two newest checkpoints.

        A full disk is logged as a warning and does not end the training: its model is still to come.
        """
        if self._folder is None:
            return
        path = self._folder / f"step-{state.step:08d}.npz"
        partial = path.with_name(f".{path.name}.partial")
        try:
            with partial.open("wb") as stream:
                stream.write(state.to_bytes())
                stream.flush()
                os.fsync(stream.fileno())
            partial.replace(path)
            for old in list(filter(Path.is_file, self._paths()))[_KEPT:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            _log.warning(
                "the checkpoint of step %d was not written, an interrupted job resumes from an older one: %s",
                state.step,
                error,
            )
            with contextlib.suppress(OSError):
                partial.unlink()  # it would keep the disk full

    def newest(self, identity: Mapping[str, Any]) -> State | None:
        """Return the newest intact checkpoint, or None if there is none; log each newer one that is skipped.

        Raises:
            CheckpointError: it belongs to another training; the message says what differs.
        """
        skipped = False
        for path in self._paths():
            try:
                state = State.from_bytes(_read(path))
            except (CheckpointError, OSError) as error:
                _log.warning("checkpoint %s is skipped: %s", path.name, error)
                skipped = True
                continue
            difference = _describe_difference(state.identity, identity)
            if difference:
                raise CheckpointError(
                    f"checkpoint {path} belongs to another training: {difference}; "
                    "give this job its own checkpoint folder, or the same settings and data"
                )
            if skipped:
                _log.warning("the job resumes from an older checkpoint, %s", path.name)
            return state
        if skipped:
            _log.warning("no checkpoint is intact: the training starts anew")
        return None

    def _paths(self) -> list[Path]:
        """List the checkpoints, newest first; partial files and the uploader's markers do not match."""
        return sorted(self._folder.glob("step-*.npz"), reverse=True) if self._folder else []


def _read(path: Path) -> bytes:
    """Read a regular file; opening another kind could wait forever."""
    if not path.is_file():
        raise CheckpointError("it is not a file")
    return path.read_bytes()


def _describe_difference(saved: Mapping[str, Any], current: Mapping[str, Any]) -> str:
    """Say where two identities differ: `learning_rate 0.1 in the checkpoint, 0.2 in this job`."""
    return ", ".join(
        f"{name} {_shorten(saved.get(name))} in the checkpoint, {_shorten(current.get(name))} in this job"
        for name in sorted({*saved, *current})
        if saved.get(name) != current.get(name)
    )


def _shorten(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:12] + "..."
