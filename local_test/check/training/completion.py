"""Points of training that a job shows which ends by itself: what it takes, and what it leaves.

Baseline  ->  one point for each of its conditions, for the start, the end, the log and the model
"""

import re
from collections.abc import Iterator
from pathlib import Path

from local_test.check.core.points import Finding, Part, Point, Scenario, Subject, Verdict, inconclusive, passed_if
from local_test.check.training import baseline as baselines
from local_test.check.training.baseline import Baseline
from local_test.check.training.job import JobResult

_STARTS = Point(
    "T1-train",
    Part.TRAINING,
    "`docker run IMAGE train` starts the training",
    'guide, "How Amazon SageMaker AI Runs Your Training Image"',
    "Put an executable program `train` on the PATH, or set an ENTRYPOINT in exec form that takes that argument.",
)
_COMPLETES = Point(
    "T12-exit-code",
    Part.TRAINING,
    "A job that went well ends with exit code 0",
    'guide, "How Amazon SageMaker AI Signals Algorithm Success or Failure"',
    "See the log; a program that succeeded must exit with 0, and need nothing but what the platform gives.",
)
_MODEL = Point(
    "T11-model",
    Part.TRAINING,
    "The model is in /opt/ml/model when the job ends",
    'guide, "How Amazon SageMaker AI Processes Training Output"; aws/sagemaker-python-sdk#1895',
    "Write the model to /opt/ml/model: nothing else becomes model.tar.gz.",
)
_LINKS = Point(
    "T11-model-links",
    Part.TRAINING,
    "There are no symbolic links in the model",
    'guide, "Model Hosting FAQs": an endpoint refuses an archive with links',
    "Copy what the links point to.",
)
_STATE = Point(
    "T11-model-checkpoints",
    Part.TRAINING,
    "There are no checkpoints in the model",
    "huggingface/notebooks, pull request 138: they made model.tar.gz too large to upload",
    "Write checkpoints to /opt/ml/checkpoints, where the platform keeps them apart.",
)
_LIVE = Point(
    "T15-live-log",
    Part.TRAINING,
    "Lines of the log appear when they are written, on stdout or stderr",
    'guide, "Monitor and Analyze Training Jobs Using Amazon CloudWatch Metrics"',
    "Set PYTHONUNBUFFERED=1 in the image, or flush after each line.",
)
_POINTS = (_STARTS, _COMPLETES, _MODEL, _LINKS, _STATE, _LIVE)
_CANNOT_START = (126, 127)
"""Exit codes of `docker run` for a command that cannot be run."""
_CHECKPOINT = re.compile(r"(?i)(^|/)(checkpoints?([-_]?\d+)?(/|$)|[^/]*\.ckpt([-.][^/]*)?$|events\.out\.tfevents)")


def _judge(subject: Subject) -> Iterator[Finding]:
    baseline = baselines.get(subject)
    job = baseline.job
    if baseline.working is None:
        yield from _judge_failed_job(subject, baseline)
        return
    yield passed_if(_STARTS, True, "it starts")
    yield passed_if(_COMPLETES, True, str(job))
    yield from _judge_model(job)
    yield _live(subject, baseline)


def _judge_failed_job(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    job = baseline.job
    findings = [passed_if(_STARTS, subject.image is None or job.code not in _CANNOT_START, str(job))]
    if findings[0].verdict is Verdict.PASSED and job.code is not None and subject.channels:
        findings.append(passed_if(_COMPLETES, False, str(job)))
    yield from findings
    decided = {finding.point for finding in findings}
    reason = "no training job completed" if subject.channels else "no data was given, and no training job completed"
    yield from inconclusive(tuple(point for point in _POINTS if point not in decided), f"{reason}: {job}")


def _judge_model(job: JobResult) -> Iterator[Finding]:
    files = job.model
    total = sum(files.values())
    yield passed_if(_MODEL, bool(total), f"{len(files)} files, {total} bytes: {', '.join(list(files)[:5]) or 'none'}")
    if not files:
        yield from inconclusive((_LINKS, _STATE), "there is no model")
        return
    links = [name for name in files if (job.base / "model" / name).is_symlink()]
    yield passed_if(_LINKS, not links, f"{len(links)} links: {', '.join(links[:5])}" if links else "none")
    states = [name for name in files if _CHECKPOINT.search(name) or _kept_twice(job.base, name)]
    yield passed_if(_STATE, not states, ", ".join(states[:5]) or "none")


def _kept_twice(base: Path, name: str) -> bool:
    """Say whether a file of the model is among the checkpoints too."""
    path = base / "model" / name
    others = [other for other in (base / "checkpoints").rglob(path.name) if other.is_file()]
    return path.is_file() and any(other.read_bytes() == path.read_bytes() for other in others)


def _live(subject: Subject, baseline: Baseline) -> Finding:
    if subject.image is None:
        return Finding(
            _LIVE, Verdict.INCONCLUSIVE, "for a bare program this is up to its environment, not to the image"
        )
    for stdout in (True, False):
        spread, unbuffered = _spread(baseline.job, stdout), _spread(baseline.local, stdout)
        stream = "stdout" if stdout else "stderr"
        if spread is None or unbuffered is None or unbuffered < 0.2:
            continue
        if spread < unbuffered / 10:
            observed = f"all lines of {stream} came within {spread:.2f} s; {unbuffered:.1f} s with PYTHONUNBUFFERED=1"
            return passed_if(_LIVE, False, observed)
        return passed_if(_LIVE, True, f"lines of {stream} came over {spread:.1f} of {baseline.job.seconds:.1f} s")
    return Finding(_LIVE, Verdict.INCONCLUSIVE, "there are too few lines to tell: one stream needs two, 0.2 s apart")


def _spread(job: JobResult, stdout: bool) -> float | None:
    """Return the seconds between the first and the last line of a stream; None where there are no two."""
    times = [line.seconds for line in job.lines if line.stdout is stdout]
    return times[-1] - times[0] if len(times) > 1 and job.code == 0 else None


SCENARIOS = (Scenario("training ends by itself", _POINTS, _judge),)

NOT_CHECKABLE = {
    "T6": "Pipe mode, which a job asks for and an image may refuse: nothing here streams objects of S3",
    "T10": "downloads of a program and of its requirements, which need S3 and an index of packages",
    "T15": "a job's own expressions: they are not the image's",
    "T16": "paths that the user chooses; the platform only uploads what is there",
    "T17": "space depends on the instance type; the newer fields ask nothing of a container",
    "T18": "needs a GPU; what the image claims is H18's",
}
"""Reasons by the item of the checklist; of one that has points, for the rest of it."""
