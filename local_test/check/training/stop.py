"""Points of training that a job shows which is stopped, goes on, or is killed.

Baseline  ->  SIGTERM when half of the log is there  ->  its end, its model, its checkpoints
checkpoints, with the uploader's markers             ->  the next job
SIGKILL when the first file of the model appears     ->  what lies in the model's folder
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local_test.check.core.points import Finding, Part, Point, Subject, Verdict, inconclusive, passed_if
from local_test.check.training.baseline import Baseline, scenario
from local_test.check.training.job import LIMIT_SECONDS, Conditions, JobResult, outcome, run_job, sizes, start_job
from local_test.platform import training_job as jobs

_STOPS = 'guide, "How Amazon SageMaker AI Runs Your Training Image": docker stop -t120'
_SIGNAL = Point(
    "T13-signal",
    Part.TRAINING,
    "Process 1 of the container has a handler for SIGTERM",
    f"{_STOPS}; aws/sagemaker-training-toolkit#125, #173",
    "Start the program with exec, and let it handle SIGTERM: process 1 gets no signal that it does not handle.",
)
_IN_TIME = Point(
    "T13-ends-in-time",
    Part.TRAINING,
    f"A job that is stopped ends within {jobs.STOP_SECONDS} s",
    _STOPS,
    "On SIGTERM end the training after the step that is under way.",
)
_RESULT = Point(
    "T13-keeps-result",
    Part.TRAINING,
    "What a stopped job has learnt is kept: as a model, or as a checkpoint",
    'guide, "StopTrainingJob": algorithms can use the 120 s to save the model',
    "On SIGTERM write the model before the program ends.",
)
_RESUMES = Point(
    "T14-resume",
    Part.TRAINING,
    "A job with the checkpoints of another one goes on from them",
    'guide, "Checkpoints in Amazon SageMaker AI": spot training',
    "At the start load the newest file of /opt/ml/checkpoints, if there is one.",
)
_MARKERS = Point(
    "T14-markers",
    Part.TRAINING,
    "The files that the uploader leaves among the checkpoints are passed over",
    "aws/amazon-sagemaker-examples#1518; aws/sagemaker-python-sdk#1791, #1040",
    "Pass over names that end in .sagemaker-uploading and .sagemaker-uploaded.",
)
_WHOLE = Point(
    "T11-whole-model",
    Part.TRAINING,
    "A job that is killed leaves no half of a model that looks like a whole one",
    "a stopped job's model is uploaded even where SIGKILL ended it; aws/sagemaker-python-sdk#3062",
    "Write each file under another name, and rename it when it is complete.",
)
_MARKS = (".sagemaker-uploading", ".sagemaker-uploaded")


@dataclass(frozen=True)
class _Stopped:
    """A job that got SIGTERM."""

    job: JobResult
    handled: bool | None
    """Its first process has a handler for it; None where that could not be read."""
    seconds: float
    """After the signal."""


def _stop_and_resume(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    # one that is over before the signal comes is stopped earlier the second time
    stopped = _stop(subject, baseline, 0.5) or _stop(subject, baseline, 0.2)
    if stopped is None:
        yield from inconclusive(_STOP_POINTS, "the job is over before it can be stopped: let it train for some seconds")
        return
    after, code = f"{stopped.seconds:.1f} s after SIGTERM", stopped.job.code
    if stopped.handled is None:
        yield from inconclusive(_SIGNAL, "the state of process 1 cannot be read in this image")
    else:
        yield passed_if(_SIGNAL, stopped.handled, "it has one" if stopped.handled else "it has none")
    kept = sizes(stopped.job.base / "checkpoints")
    if stopped.handled is False and subject.image:
        yield from inconclusive((_IN_TIME, _RESULT), "process 1 does not get the signal")
    elif code is None:
        yield passed_if(_IN_TIME, False, f"it still ran {after}")
        yield from inconclusive(_RESULT, "it did not end by itself")
    else:
        yield passed_if(_IN_TIME, True, f"it ended {after} with exit code {code}")
        observed = f"exit code {code}, {len(stopped.job.model)} files of a model, {len(kept)} checkpoints"
        yield passed_if(_RESULT, bool(stopped.job.model or kept), observed)
    yield from _resume(subject, baseline.conditions, stopped.job.base / "checkpoints")


def _stop(subject: Subject, baseline: Baseline, share: float) -> _Stopped | None:
    """Send SIGTERM when *share* of the whole job's log is there, None if it is too late then.

    Times differ with what else the machine does; only where lines come at the end are they all there is.
    """
    whole = baseline.job
    count, seconds = int(share * len(whole.lines)), share * whole.seconds
    live = bool(whole.lines) and whole.lines[-1].seconds - whole.lines[count].seconds > 0.1
    with start_job(subject, baseline.conditions) as (job, base):
        job.wait(LIMIT_SECONDS, until=lambda: len(job.lines) > count if live else job.seconds > seconds)
        handled = job.handles_sigterm()
        if job.wait(0.5 if handled is None else 0) is not None:  # it cannot be read of a container that is ending
            return None
        job.terminate()
        sent = job.seconds
        code = job.wait(0 if handled is False and subject.image else jobs.STOP_SECONDS)
        return _Stopped(outcome(job, code, base), handled, job.seconds - sent)


def _resume(subject: Subject, conditions: Conditions, checkpoints: Path) -> Iterator[Finding]:
    kept = [path for path in checkpoints.rglob("*") if path.is_file()]
    if not kept:
        reason = "it wrote no checkpoints to /opt/ml/checkpoints"
        yield from (Finding(point, Verdict.NOT_APPLICABLE, reason) for point in (_RESUMES, _MARKERS))
        return

    job = marked = run_job(subject, conditions, prepare=lambda base: _restore(checkpoints, base, _MARKS))
    if job.code is None:
        yield from inconclusive((_RESUMES, _MARKERS), f"with checkpoints the job {job}")
        return
    if job.code != 0:
        job = run_job(subject, conditions, prepare=lambda base: _restore(checkpoints, base, ()))
    if job.code != 0:
        yield passed_if(_RESUMES, False, f"with the checkpoints of a stopped job: {job}")
        yield from inconclusive(_MARKERS, "it does not go on without them either")
        return
    if not _records_read_times(subject.scratch):
        yield from inconclusive(_RESUMES, "this file system does not note when a file is read")
    else:
        read = sum(link.stat().st_atime > 0 for link in _hard_links(job.base).iterdir())
        yield passed_if(_RESUMES, read > 0, f"it read {read} of {len(kept)} files, and completed")
    yield passed_if(_MARKERS, marked.code == 0, f"with {', '.join(_MARKS)}: {marked}")


def _restore(checkpoints: Path, base: Path, marks: tuple[str, ...]) -> None:
    """Lay *checkpoints* into the new job's folder, with links that show who read them even if they are replaced."""
    shutil.copytree(checkpoints, base / "checkpoints", dirs_exist_ok=True)
    _hard_links(base).mkdir()
    for number, path in enumerate([path for path in (base / "checkpoints").rglob("*") if path.is_file()]):
        os.utime(path, (0, path.stat().st_mtime))
        (_hard_links(base) / str(number)).hardlink_to(path)
        for mark in marks:
            path.with_name(path.name + mark).touch()


def _hard_links(base: Path) -> Path:
    return base.with_name(f"{base.name}-restored")


def _records_read_times(folder: Path) -> bool:
    """Say whether the file system notes the time of reading."""
    probe = folder / "probe"
    probe.write_text("probe", encoding="utf-8")
    os.utime(probe, (0, probe.stat().st_mtime))
    probe.read_text(encoding="utf-8")
    return probe.stat().st_atime > 0


def _killed(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    whole = baseline.job.model
    if not whole:
        yield from inconclusive(_WHOLE, "the job writes no model")
        return
    with start_job(subject, baseline.conditions) as (job, base):
        code = job.wait(LIMIT_SECONDS, until=lambda: any((base / "model").iterdir()))
        job.kill()
    left = sizes(base / "model")
    missing = whole.keys() - left.keys()
    cut = [name for name, size in whole.items() if left.get(name, size) < 0.9 * size]
    if code is None and not left:
        yield from inconclusive(_WHOLE, f"no model appeared within {LIMIT_SECONDS} s")
    elif missing:
        yield passed_if(_WHOLE, True, f"killed at its first file, {len(missing)} of {len(whole)} files are missing")
    elif cut:
        observed = (
            f"killed at its first file, all names are there, and {cut[0]} has {left[cut[0]]} of {whole[cut[0]]} bytes"
        )
        yield passed_if(_WHOLE, False, observed)
    else:
        yield passed_if(_WHOLE, True, "killed at its first file, all of them are there at their whole size")


_STOP_POINTS = (_SIGNAL, _IN_TIME, _RESULT, _RESUMES, _MARKERS)
SCENARIOS = (
    scenario("training is stopped and goes on", _STOP_POINTS, _stop_and_resume),
    scenario("training is killed", (_WHOLE,), _killed),
)
