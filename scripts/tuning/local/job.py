"""Training job of a search on this machine, run by local_test as a process.

command  ->  process  ->  values of the objective, as the log has them  ->  exit code, reason of a failure

The process stands outside the terminal's group, so that Ctrl-C reaches the search alone, which then stops the job.
"""

import contextlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_STOP_SECONDS = 150
"""Longer than the 120 s that local_test gives a job between SIGTERM and SIGKILL."""


class LocalJob:
    """A started training job; it ends in the block of a `with`, or is stopped there.

    Args:
        folder: Folder of the job; opt-ml in it stands for /opt/ml, train.log gets the log.
        options: Further options of `python -m local_test train`: image and channels.
        hyperparameters: Hyperparameters of the job.
        expression: Regular expression of the objective; its group is the value.
    """

    def __init__(self, folder: Path, options: list[str], hyperparameters: Mapping[str, Any], expression: str) -> None:
        self._folder, self._expression = folder, re.compile(expression)
        words = [sys.executable, "-m", "local_test", "train", "--base", str(folder / "opt-ml"), *options]
        for key, value in hyperparameters.items():
            words += ["-p", f"{key}={json.dumps(value)}"]
        folder.mkdir(parents=True)
        self._process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            errors="replace", start_new_session=True,
        )  # fmt: skip

    def __enter__(self) -> "LocalJob":
        return self

    def __exit__(self, *_: object) -> None:
        """Make sure that it ends: after Ctrl-C, as the platform ends a job."""
        self.end_early()
        try:
            self._process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def values(self) -> Iterator[float]:
        """Yield the values of the objective as the job logs them, until it ends."""
        assert self._process.stdout  # noqa: S101 # it is a pipe
        with (self._folder / "train.log").open("w", encoding="utf-8") as log:
            for line in self._process.stdout:
                log.write(line)
                log.flush()
                if found := self._expression.search(line):
                    with contextlib.suppress(ValueError):  # "1.2.3" matches the shipped expressions
                        yield float(found[1])

    def end_early(self) -> None:
        """Ask the job to write its model and end; its log goes on until it has."""
        if self._process.poll() is None:
            self._process.terminate()

    def wait(self) -> int:
        """Wait for the end of the job, whose log `values` has read to its end; return its exit code."""
        return self._process.wait()

    @property
    def failure(self) -> str:
        """Why the job failed: the failure file of the container, or the end of the log."""
        file = self._folder / "opt-ml.partial" / "output" / "failure"
        if file.exists():
            return file.read_text(encoding="utf-8", errors="replace")[:1024]
        lines = (self._folder / "train.log").read_text(encoding="utf-8").splitlines()
        return lines[-1] if lines else "the job has no log"
