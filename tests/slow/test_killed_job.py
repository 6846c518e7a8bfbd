"""A job that is killed outright resumes from its checkpoint."""

import json
import os
import signal
import threading
from pathlib import Path

import pytest

from tests.support.helpers import Job, run_job


@pytest.mark.parametrize("image", ["bare"], indirect=True)  # the contract tests stop and resume a container
def test_a_job_that_is_killed_resumes_to_the_same_weights(job: Job, prepared: Path, tmp_path: Path) -> None:
    """kill -9 as soon as the first checkpoint is there; the same job again ends like one that never was."""
    channels = {"training": prepared / "training", "validation": prepared / "validation"}
    base = tmp_path / "opt-ml"
    killer = threading.Thread(target=_kill_after_first_checkpoint, args=(base,))
    killer.start()
    first = run_job(base, channels, {"epochs": 2})
    killer.join()
    assert first.code != 0
    for link in (base / "input" / "data").iterdir():
        link.unlink()
    again = run_job(base, channels, {"epochs": 2})
    assert again.code == 0, again.log
    assert "resuming after step" in again.log
    assert (base / "model" / "model.tflite").read_bytes() == (job.base / "model" / "model.tflite").read_bytes()
    assert json.loads((base / "model" / "artifact.json").read_text())["preset"] == "lenet"


def _kill_after_first_checkpoint(base: Path) -> None:
    while not list(base.glob("checkpoints/step-*.npz")):
        threading.Event().wait(0.005)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if f"SAGEMAKER_BASE_DIR={base.resolve()}".encode() in environment.split(b"\0"):
            os.kill(int(folder.name), signal.SIGKILL)
