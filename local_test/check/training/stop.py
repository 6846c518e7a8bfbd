"""Points about training jobs that are stopped and resumed.

Baseline  ->  SIGTERM after half of the log        ->  exit code, model, checkpoints
checkpoints, with the uploader's marker files      ->  the next job, which runs in local mode to try that, too
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from local_test.check.core.points import Finding, Part, Point, Subject, Verdict, inconclusive, passed_if, warning_unless
from local_test.check.training import baseline as baselines
from local_test.check.training.baseline import Baseline, Shared, scenario
from local_test.check.training.job import LIMIT_SECONDS, Conditions, JobResult, outcome, run_job, sizes, start_job
from local_test.platform import training_job as jobs
from local_test.platform.processes import KILLED, SLOW_STOP_SECONDS

_STOPS = 'developer guide, "How Amazon SageMaker AI Runs Your Training Image": docker stop -t120'
_SIGNAL = Point(
    "T13-signal",
    Part.TRAINING,
    "process 1 of the container has a handler for SIGTERM",
    f"{_STOPS}, with a handler if you want the model; scikit_bring_your_own, sagemaker-training 5.1.4: none, measured",
    "start the program with exec, and handle SIGTERM in it: the kernel drops signals that process 1 does not handle",
    level=Verdict.WARNING,
)
_IN_TIME = Point(
    "T13-ends-in-time",
    Part.TRAINING,
    f"a job exits within {jobs.STOP_SECONDS} s of SIGTERM; more than 10 s is a warning",
    _STOPS,
    "on SIGTERM, stop training after the current step",
)
_RESULT = Point(
    "T13-keeps-result",
    Part.TRAINING,
    "a stopped job leaves a model or a checkpoint",
    'developer guide, "StopTrainingJob": algorithms can use the 120 s to save the model',
    "on SIGTERM, write the model before the program exits",
)
_RESUMES = Point(
    "T14-resume",
    Part.TRAINING,
    "a job resumes from the checkpoints of an earlier job",
    'developer guide, "Checkpoints in Amazon SageMaker AI": spot training',
    "at the start, load the newest checkpoint in /opt/ml/checkpoints if there is one",
)
_MARKERS = Point(
    "T14-markers",
    Part.TRAINING,
    "marker files that the uploader leaves among the checkpoints are ignored",
    "aws/amazon-sagemaker-examples#1518; aws/sagemaker-python-sdk#1791, #1040",
    "ignore files whose names end with .sagemaker-uploading or .sagemaker-uploaded",
)
_MARKS = (".sagemaker-uploading", ".sagemaker-uploaded")


@dataclass(frozen=True)
class Stopped:
    """A job that got SIGTERM, and the next one."""

    job: JobResult
    handled: bool | None
    """Whether process 1 has a handler for it; None if that could not be read."""
    seconds: float
    """From the signal to the exit."""
    resumed: JobResult | None = None
    """The next job, in local mode and with marker files; None without checkpoints, or if local mode was tried."""

    @property
    def checkpoints(self) -> Path:
        """The folder with the checkpoints of the stopped job."""
        return self.job.base / "checkpoints"


def _stop_and_resume(subject: Subject) -> Stopped | None:
    """Stop a job half-way, and resume it; return None if it ends before it can be stopped."""
    baseline = baselines.get(subject)
    # if the job ends before the signal, the second attempt sends it earlier
    stopped = _stop(subject, baseline, 0.5) or _stop(subject, baseline, 0.2)
    if stopped is None or baseline.local or not sizes(stopped.checkpoints):
        return stopped
    return replace(stopped, resumed=_resume(subject, baselines.local_mode(subject), stopped, _MARKS))


stop_and_resume = Shared(_stop_and_resume)


def _judge(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    stopped = stop_and_resume(subject)
    if stopped is None:
        yield from inconclusive(STOP_POINTS, "the job ends before it can be stopped; let it train for some seconds")
        return
    after, code = f"{stopped.seconds:.1f} s after SIGTERM", stopped.job.code
    if stopped.handled is None:
        yield from inconclusive(_SIGNAL, "the state of process 1 cannot be read in this image")
    else:
        yield passed_if(_SIGNAL, stopped.handled, "it has a handler" if stopped.handled else "it has no handler")
    kept = sizes(stopped.checkpoints)
    if stopped.handled is False and subject.image:
        yield from inconclusive((_IN_TIME, _RESULT), "process 1 does not receive the signal")
    elif code is None or code in KILLED:
        end = f"still running {after}" if code is None else f"SIGKILL ended it {after} (exit code {code})"
        yield passed_if(_IN_TIME, False, end)
        yield from inconclusive(_RESULT, "the job was killed")
    else:
        observed = f"it exited {after} with code {code}"
        yield warning_unless(_IN_TIME, stopped.seconds <= SLOW_STOP_SECONDS, observed)
        observed = f"exit code {code}; model files: {len(stopped.job.model)}, checkpoint files: {len(kept)}"
        yield passed_if(_RESULT, bool(stopped.job.model or kept), observed)
    yield from _judge_resumed(subject, baseline.conditions, stopped)


def _stop(subject: Subject, baseline: Baseline, share: float) -> Stopped | None:
    """Send SIGTERM after *share* of the baseline job's log; return None if the job has ended by then.

    Times depend on the machine's load, more than log lines; a log that appears only at the end leaves them.
    """
    whole = baseline.job
    count, seconds = int(share * len(whole.lines)), share * whole.seconds
    live = bool(whole.lines) and whole.lines[-1].seconds - whole.lines[count].seconds > 0.1
    with start_job(subject, baseline.conditions) as (job, base):
        job.wait(LIMIT_SECONDS, until=lambda: len(job.lines) > count if live else job.seconds > seconds)
        handled = job.handles_sigterm()
        while handled is False and subject.image and not live and job.seconds < 2 * whole.seconds:  # it may begin late
            if (code := job.wait(0.5)) is not None:
                return Stopped(outcome(job, code, base), handled, 0)
            handled = job.handles_sigterm()
        if job.wait(0.5 if handled is None else 0) is not None:  # it cannot be read while a container exits
            return None
        job.terminate()
        sent, limit = job.seconds, 0 if handled is False and subject.image else jobs.STOP_SECONDS
        return Stopped(outcome(job, job.wait(limit), base), handled, job.seconds - sent)


def _judge_resumed(subject: Subject, conditions: Conditions, stopped: Stopped) -> Iterator[Finding]:
    kept = sizes(stopped.checkpoints)
    if not kept:
        reason = "the job writes no checkpoints to /opt/ml/checkpoints"
        yield from (Finding(point, Verdict.NOT_APPLICABLE, reason) for point in (_RESUMES, _MARKERS))
        return
    job, records = stopped.resumed, _records_read_times(subject.scratch)
    if job is None or job.code != 0 or (records and not _read(job)):  # it may be because of local mode
        job = _resume(subject, conditions, stopped, _MARKS)
    marked = job
    if job.code is None:
        yield from inconclusive((_RESUMES, _MARKERS), f"with the checkpoints: {job}")
        return
    if job.code != 0:
        job = _resume(subject, conditions, stopped, ())
    if job.code != 0:
        yield passed_if(_RESUMES, False, f"with the checkpoints of a stopped job: {job}")
        yield from inconclusive(_MARKERS, "the job does not resume without them either")
        return
    if not records:
        yield from inconclusive(_RESUMES, "the file system does not record when a file is read")
    else:
        read = _read(job)
        yield warning_unless(_RESUMES, read > 0, f"checkpoint files that it read: {read} of {len(kept)}; it completed")
    yield passed_if(_MARKERS, marked.code == 0, f"with {', '.join(_MARKS)}: {marked}")


def _resume(subject: Subject, conditions: Conditions, stopped: Stopped, marks: tuple[str, ...]) -> JobResult:
    return run_job(subject, conditions, prepare=lambda base: _restore(stopped.checkpoints, base, marks))


def _restore(checkpoints: Path, base: Path, marks: tuple[str, ...]) -> None:
    """Copy *checkpoints* to the new job's folder; hard links keep the read times of files that the job replaces."""
    shutil.copytree(checkpoints, base / "checkpoints", dirs_exist_ok=True)
    _hard_links(base).mkdir()
    for number, path in enumerate([path for path in (base / "checkpoints").rglob("*") if path.is_file()]):
        os.utime(path, (0, path.stat().st_mtime))
        (_hard_links(base) / str(number)).hardlink_to(path)
        for mark in marks:
            path.with_name(path.name + mark).touch()


def _read(job: JobResult) -> int:
    """Return how many of the checkpoint files a resumed job has read."""
    return sum(link.stat().st_atime > 0 for link in _hard_links(job.base).iterdir())


def _hard_links(base: Path) -> Path:
    return base.with_name(f"{base.name}-restored")


def _records_read_times(folder: Path) -> bool:
    """Return whether the file system records when a file is read."""
    probe = folder / "probe"
    probe.write_text("probe", encoding="utf-8")
    os.utime(probe, (0, probe.stat().st_mtime))
    probe.read_text(encoding="utf-8")
    return probe.stat().st_atime > 0


STOP_POINTS = (_SIGNAL, _IN_TIME, _RESULT, _RESUMES, _MARKERS)
SCENARIOS = (scenario("training is stopped and resumed", STOP_POINTS, _judge),)
