"""Points about a training job that completes: start, exit code, log and model.

Baseline  ->  findings
"""

import re
from collections.abc import Iterator

from local_test.check.core.points import (
    Finding,
    Part,
    Point,
    Scenario,
    Subject,
    Verdict,
    counted,
    inconclusive,
    passed_if,
)
from local_test.check.training import baseline as baselines
from local_test.check.training.baseline import Baseline
from local_test.check.training.job import JobResult

_STARTS = Point(
    "T1-train",
    Part.TRAINING,
    "`docker run IMAGE train` starts the training",
    'developer guide, "How Amazon SageMaker AI Runs Your Training Image"',
    "put an executable `train` on the PATH, or set an ENTRYPOINT in exec form that accepts the argument `train`",
)
_COMPLETES = Point(
    "T12-exit-code",
    Part.TRAINING,
    "a job that succeeds exits with code 0",
    'developer guide, "How Amazon SageMaker AI Signals Algorithm Success or Failure"',
    "read the log; the program must exit with 0 after success, and rely only on what the platform provides",
)
_MODEL = Point(
    "T11-model",
    Part.TRAINING,
    "the model is in /opt/ml/model when the job ends",
    'developer guide, "How Amazon SageMaker AI Processes Training Output"; aws/sagemaker-python-sdk#1895',
    "write the model to /opt/ml/model: only this folder becomes model.tar.gz",
)
_LINKS = Point(
    "T11-model-links",
    Part.TRAINING,
    "the model contains no symbolic links",
    'developer guide, "Model Hosting FAQs": an endpoint rejects an archive with links',
    "copy the files that the links point to",
)
_STATE = Point(
    "T11-model-checkpoints",
    Part.TRAINING,
    "the model contains no checkpoints",
    "huggingface/notebooks, pull request 138: they made model.tar.gz too large to upload",
    "write checkpoints to /opt/ml/checkpoints, which the platform uploads separately",
    level=Verdict.WARNING,
)
_WHOLE = Point(
    "T11-whole-model",
    Part.TRAINING,
    "a job that is killed leaves no truncated model that looks complete",
    "a stopped job's model is uploaded even after SIGKILL; aws/sagemaker-python-sdk#3062; AWS documents nothing",
    "write each file atomically: write to a temporary name, then rename",
    level=Verdict.WARNING,
)
LIVE = Point(
    "T15-live-log",
    Part.TRAINING,
    "log lines appear on stdout or stderr as soon as they are written",
    'developer guide, "Monitor and Analyze Training Jobs Using Amazon CloudWatch Metrics"; the lines do arrive',
    "set ENV PYTHONUNBUFFERED=1 in the image, or flush after each line",
    level=Verdict.WARNING,
)
LIVE_SECONDS = 0.2
"""How far the lines of a stream have to be apart, at least, in a job that does not buffer them."""
_POINTS = (_STARTS, _COMPLETES, _MODEL, _LINKS, _STATE, _WHOLE)
_CANNOT_START = (126, 127)
"""Exit codes of `docker run` for a command that cannot be run."""
_CHECKPOINT = re.compile(r"(?i)(^|/)(checkpoints?([-_]?\d+)?/|events\.out\.tfevents)")
_STATE_FILE = re.compile(r"(?i)\.ckpt$")
"""One file of such a name is the model itself, in PyTorch Lightning's format; several are a series of states."""


def _judge(subject: Subject) -> Iterator[Finding]:
    baseline = baselines.get(subject)
    job = baseline.job
    if baseline.working is None:
        yield from _judge_failed_job(subject, baseline)
        return
    yield passed_if(_STARTS, True, "it starts")
    yield passed_if(_COMPLETES, True, str(job))
    yield from _judge_model(job)


def _judge_failed_job(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    job = baseline.job
    findings = [passed_if(_STARTS, subject.image is None or job.code not in _CANNOT_START, str(job))]
    if findings[0].verdict is Verdict.PASSED and job.code is not None and subject.channels:
        findings.append(passed_if(_COMPLETES, False, str(job)))
    yield from findings
    decided = {finding.point for finding in findings}
    reason = "no training job completed" if subject.channels else "no training job completed; add --data"
    yield from inconclusive(tuple(point for point in _POINTS if point not in decided), f"{reason}: {job}")


def _judge_model(job: JobResult) -> Iterator[Finding]:
    files = job.model
    total = sum(files.values())
    observed = f"{counted(len(files), 'file')}, {counted(total, 'byte')}: {', '.join(list(files)[:5]) or 'none'}"
    yield passed_if(_MODEL, bool(total), observed)
    if not files:
        yield from inconclusive((_LINKS, _STATE, _WHOLE), "the job wrote no model")
        return
    links = [name for name in files if (job.base / "model" / name).is_symlink()]
    yield passed_if(_LINKS, not links, f"{counted(len(links), 'link')}: {', '.join(links[:5])}" if links else "none")
    series = [name for name in files if _STATE_FILE.search(name)]
    states = [name for name in files if _CHECKPOINT.search(name) or (len(series) > 1 and name in series)]
    folders = {name[: found.end()] for name in files if (found := _CHECKPOINT.search(name))}
    if len(states) == len(files) and len(folders) == 1:
        states = []  # the folder is the model, as Flax writes it
    yield passed_if(_STATE, not states, ", ".join(states[:5]) or "none")
    yield _whole(job)


def _whole(job: JobResult) -> Finding:
    """Judge what a SIGKILL would have left, a moment after the first file of the model appeared."""
    whole, left = job.model, job.early_model
    missing = len(whole.keys() - left.keys())
    cut = [
        f"{name} has {left.get(name, 0)} of {counted(size, 'byte')}"
        for name, size in whole.items()
        if left.get(name, 0) < 0.9 * size
    ]
    if missing:
        return passed_if(_WHOLE, True, f"after its first file, {missing} of {len(whole)} are missing")
    observed = f"after its first file, all names are there, and {cut[0] if cut else 'all files are complete'}"
    return passed_if(_WHOLE, not cut, observed)


def live(subject: Subject, job: JobResult, unbuffered: JobResult | None) -> Finding:
    """Judge the log of *job* by that of *unbuffered*, a job with PYTHONUNBUFFERED."""
    if subject.image is None:
        return Finding(LIVE, Verdict.INCONCLUSIVE, "on the host this depends on the environment")
    for stdout in (True, False):
        seconds, wanted = spread(job, stdout), spread(unbuffered, stdout) if unbuffered else None
        stream = "stdout" if stdout else "stderr"
        if seconds is None or wanted is None or wanted < LIVE_SECONDS:
            continue
        if seconds < wanted / 10:
            observed = f"{stream} came within {seconds:.2f} s; with PYTHONUNBUFFERED=1 over {wanted:.1f} s"
            return passed_if(LIVE, False, observed)
        return passed_if(LIVE, True, f"{stream} came over {seconds:.1f} of {job.seconds:.1f} s")
    return Finding(LIVE, Verdict.INCONCLUSIVE, "too few log lines: one stream needs two, at least 0.2 s apart")


def spread(job: JobResult, stdout: bool) -> float | None:
    """Return the seconds between the first and the last line of a stream; None if it has fewer than two."""
    times = [line.seconds for line in job.lines if line.stdout is stdout]
    return times[-1] - times[0] if len(times) > 1 and job.code == 0 else None


SCENARIOS = (Scenario("training ends by itself", _POINTS, _judge),)

NOT_CHECKABLE = {
    "T6": "Pipe mode: it streams objects of S3, and an image may reject it",
    "T10": "download of the user's program and its requirements: it needs S3 and a package index",
    "T15": "the regular expressions of metrics: they belong to the job, not to the image",
    "T16": "the user chooses the paths, and the platform only uploads them",
    "T17": "the space depends on the instance type; the newer fields require nothing of a container",
    "T18": "needs a GPU; the label of the image is checked by H18",
}
"""Maps an item of the checklist to the reason why it, or a part of it, is not checked."""
