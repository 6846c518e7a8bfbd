"""A training job's process, from this side."""

import sys
from pathlib import Path

from local_test.platform import container, training_job


def test_a_job_that_has_ended_holds_nothing_open() -> None:
    """A check starts dozens in one process."""
    before = open_files()
    started = training_job.Job(container.Program([sys.executable, "-c", "print(1)"], {}))
    assert started.wait(30) == 0
    assert started.log == "1"
    assert open_files() <= before  # what earlier tests left may be closed at any time


def open_files() -> set[Path]:
    return {path.readlink() for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}
