"""Checkpoints on disk: whole, the right ones, and of the right training."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from traffic_signs.errors import CheckpointError
from traffic_signs.training.fit.checkpoints import Checkpoints, State

IDENTITY = {"learning_rate": 0.1, "seed": 1, "augmentation": {"rotation": 10.0}}

DEEP = np.frombuffer(b"[" * 10_000 + b"]" * 10_000, np.uint8)


def state(step: int) -> State:
    variables: list[np.ndarray] = [
        np.full((2, 3), step, np.float32),
        np.array([7, 2**32 - 1], np.uint32),
        np.array(step, np.int64),
    ]
    return State(IDENTITY, step, variables, 0.1 + 0.2, 3.0, {"train_loss": [1 / 3]}, 1, [np.ones(2)], 4.5)


def test_a_state_is_restored_unchanged(tmp_path: Path) -> None:
    Checkpoints(tmp_path).save(state(7))
    found = Checkpoints(tmp_path).newest(IDENTITY)
    assert found is not None
    for ours, theirs in zip(state(7).variables + state(7).best, found.variables + found.best, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    names = ("identity", "step", "loss", "correct", "history", "best_epoch", "seconds")
    assert all(getattr(found, name) == getattr(state(7), name) for name in names)


def test_the_newest_two_are_kept(tmp_path: Path) -> None:
    for step in (9, 10, 100):
        Checkpoints(tmp_path).save(state(step))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000010.npz", "step-00000100.npz"]


def test_a_full_disk_loses_a_checkpoint_but_not_the_training(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Checkpoints(tmp_path).save(state(1))
    (tmp_path / ".step-00000002.npz.partial").symlink_to("/dev/full")
    Checkpoints(tmp_path).save(state(2))
    assert "the checkpoint of step 2 was not written" in caplog.text
    assert "No space left on device" in caplog.text
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001.npz"]


@pytest.mark.parametrize("keep", [0, 1, 100, -1], ids=["empty", "a byte", "the beginning", "all but a byte"])
def test_a_truncated_checkpoint_is_skipped(tmp_path: Path, keep: int, caplog: pytest.LogCaptureFixture) -> None:
    for step in (1, 2):
        Checkpoints(tmp_path).save(state(step))
    newest = tmp_path / "step-00000002.npz"
    newest.write_bytes(newest.read_bytes()[:keep])
    found = Checkpoints(tmp_path).newest(IDENTITY)
    assert found is not None
    assert found.step == 1
    assert "step-00000002.npz is skipped: it is damaged" in caplog.text


def test_a_changed_byte_is_detected(tmp_path: Path) -> None:
    Checkpoints(tmp_path).save(state(1))
    path = tmp_path / "step-00000001.npz"
    content = path.read_bytes()
    where = content.index(np.full((2, 3), 1, np.float32).tobytes())
    path.write_bytes(content[:where] + b"\xff" + content[where + 1 :])
    assert Checkpoints(tmp_path).newest(IDENTITY) is None


def test_files_of_the_uploader_or_a_killed_job_are_not_checkpoints(tmp_path: Path) -> None:
    for name in (
        "step-00000002.npz.sagemaker-uploading",
        "step-00000002.npz.sagemaker-uploaded",
        ".step-00000003.npz.partial",
        "mine.npz",
    ):
        (tmp_path / name).write_bytes(b"anything")
    assert Checkpoints(tmp_path).newest(IDENTITY) is None


def test_pickles_are_not_read_and_the_message_does_not_recommend_them(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    np.savez(tmp_path / "step-00000001.npz", scalars=np.array([{"step": 1}], object), allow_pickle=True)
    (tmp_path / "step-00000002.npz").write_bytes(b"no archive")
    assert Checkpoints(tmp_path).newest(IDENTITY) is None
    assert caplog.text.count("is skipped: it is damaged, or this program did not write it") == 2
    assert "allow_pickle" not in caplog.text


def test_a_checkpoint_of_another_training_is_refused_and_says_what_differs(tmp_path: Path) -> None:
    Checkpoints(tmp_path).save(state(1))
    with pytest.raises(CheckpointError, match=r"learning_rate 0\.1 in the checkpoint, 0\.2 in this job, seed 1 in .*"):
        Checkpoints(tmp_path).newest({**IDENTITY, "learning_rate": 0.2, "seed": 3})


def bind(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        pytest.param(Path.mkdir, "it is not a file", id="a directory"),
        pytest.param(os.mkfifo, "it is not a file", id="a FIFO"),
        pytest.param(bind, "it is not a file", id="a socket"),
        pytest.param(lambda path: path.symlink_to("gone"), "it is not a file", id="a link to nothing"),
        pytest.param(lambda path: path.symlink_to("/proc/self/mem"), "Input/output error", id="unreadable"),
        pytest.param(lambda path: np.savez(path, scalars=DEEP), "it is damaged", id="nested"),
    ],
)
def test_a_file_named_like_a_checkpoint_is_skipped(
    tmp_path: Path, make: Callable[[Path], None], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state(1))
    for name in ("step-00000003.npz", "step-00000004.npz"):
        make(tmp_path / name)
    found = checkpoints.newest(IDENTITY)
    assert found is not None
    assert found.step == 1
    for name in ("step-00000003.npz", "step-00000004.npz"):
        assert f"checkpoint {name} is skipped: {reason}" in caplog.text.replace("[Errno 5] ", "")
    assert "the job resumes from an older checkpoint, step-00000001.npz" in caplog.text


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_folders_and_pipes_named_like_checkpoints_replace_none(
    tmp_path: Path, make: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("step-00000008.npz", "step-00000009.npz"):
        make(tmp_path / name)
    for step in (1, 2, 3):
        Checkpoints(tmp_path).save(state(step))
    assert "was not written" not in caplog.text
    kept = sorted(path.name for path in tmp_path.iterdir() if path.is_file())
    assert kept == ["step-00000002.npz", "step-00000003.npz"]


def test_a_training_without_an_intact_checkpoint_says_that_it_starts_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "step-00000001.npz").write_bytes(b"cut")
    assert Checkpoints(tmp_path).newest(IDENTITY) is None
    assert "no checkpoint is intact: the training starts anew" in caplog.text


def test_a_job_without_a_checkpoint_folder_writes_no_checkpoints() -> None:
    Checkpoints(None).save(state(1))
    assert Checkpoints(None).newest(IDENTITY) is None
