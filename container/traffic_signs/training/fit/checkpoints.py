"""The state of a training <-> files in /opt/ml/checkpoints, so that a job that was cut off goes on.

    state of the loop -> State.to_bytes -> Checkpoints.save -> step-00000123.npz
    the newest whole file -> Checkpoints.newest -> State.from_bytes -> state of the loop

SageMaker makes the folder for a job that asks for checkpoints (the SDK's `checkpoint_s3_uri`, which
managed spot training needs) and copies it from and to S3 by itself, leaving marker files of its own
in it; a job without the folder keeps no checkpoints. A file appears whole or not at all, however
the process ends. It is a NumPy archive without pickles, whose checksums tell damage.
"""

import contextlib
import io
import json
import logging
import os
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from traffic_signs.errors import CheckpointError

_log = logging.getLogger(__name__)
_FORMAT = 1
_KEPT = 2
"""The newest, and the one before: should the newest be damaged, only an epoch is lost."""


@dataclass(frozen=True, eq=False)
class State:
    """All that a training needs to go on after *step* steps as if it had never stopped."""

    identity: Mapping[str, Any]
    """What the training is of: settings and data, as JSON values. Only the same one goes on."""
    step: int
    """Steps taken since the training began."""
    variables: list[np.ndarray]
    """Every variable of the network and of the optimizer: weights, states of random generators,
    moments, averages."""
    loss: float = 0.0
    """Sum over the images of the epoch that is under way."""
    correct: float = 0.0
    """Images of that epoch that were classified rightly, in training."""
    history: Mapping[str, list[float]] = field(default_factory=dict)
    """Of the epochs that are done."""
    best_epoch: int = 0
    """Counted from 1; 0 before the first epoch is done."""
    best: list[np.ndarray] = field(default_factory=list)
    """Weights of the best epoch."""
    seconds: float = 0.0
    """Spent until now, by all jobs that took part."""

    def to_bytes(self) -> bytes:
        """Return a NumPy archive."""
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
            CheckpointError: it is cut off, damaged, or of another format.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            scalars = json.loads(arrays["scalars"].tobytes())
            if scalars.pop("format") != _FORMAT:
                raise CheckpointError("it is of another format")
            return cls(**scalars, variables=_numbered(arrays, "variable"), best=_numbered(arrays, "best"))
        except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
            # without NumPy's own words, which would have the reader allow pickles
            raise CheckpointError("it is damaged, or no archive of this program") from error


def _numbered(arrays: Mapping[str, np.ndarray], kind: str) -> list[np.ndarray]:
    count = sum(name.startswith(f"{kind}-") for name in arrays)
    return [arrays[f"{kind}-{index}"] for index in range(count)]


class Checkpoints:
    """The checkpoints in *folder*; with None in its place nothing is kept and nothing is found."""

    def __init__(self, folder: Path | None) -> None:
        """See the class."""
        self._folder = folder

    def save(self, state: State) -> None:
        """Write *state*, then remove what is older than the one before it.

        A disk that is full does not end the training, whose model is still to come: it is a warning in the log.
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
            for old in self._found()[_KEPT:]:
                old.unlink(missing_ok=True)
        except OSError as error:
            _log.warning("no checkpoint of step %d, an interrupted job would resume before it: %s", state.step, error)
            with contextlib.suppress(OSError):
                partial.unlink()  # it takes up what little room there is

    def newest(self, identity: Mapping[str, Any]) -> State | None:
        """Return the newest whole checkpoint, or None if there is none.

        Raises:
            CheckpointError: it is of another training; the message says what differs.
        """
        for path in self._found():
            try:
                state = State.from_bytes(path.read_bytes())
            except CheckpointError as error:
                _log.warning("checkpoint %s is passed over: %s", path.name, error)
                continue
            difference = _difference(state.identity, identity)
            if difference:
                raise CheckpointError(
                    f"checkpoint {path} is of another training: {difference}; "
                    "give this job a checkpoint folder of its own, or the same settings and data"
                )
            return state
        return None

    def _found(self) -> list[Path]:
        """Newest first; neither partial files nor the uploader's markers match."""
        return sorted(self._folder.glob("step-*.npz"), reverse=True) if self._folder else []


def _difference(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    """Say where two identities differ: `learning_rate 0.1 there, 0.2 here`."""
    return ", ".join(
        f"{name} {_short(theirs.get(name))} there, {_short(ours.get(name))} here"
        for name in sorted({*theirs, *ours})
        if theirs.get(name) != ours.get(name)
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:12] + "..."
