"""Points of training that a job shows which ends by itself: what it takes, and what it leaves.

Baseline  ->  one point for each of its conditions, for the start, the end, the log and the model
"""

import re
from collections.abc import Iterator
from pathlib import Path

from local_test.check import training_baseline as baselines
from local_test.check.points import Finding, Part, Point, Scenario, Subject, Verdict
from local_test.check.training_baseline import Baseline, unknown, verdict
from local_test.check.training_job import Ended

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
_TRAITS = {
    "whole": Point(
        "T3-opt-ml",
        Part.TRAINING,
        "Nothing that the image needs lies under /opt/ml, which the platform mounts over",
        'guide, "How Amazon SageMaker AI Runs Your Training Image"',
        "Move the image's own files out of /opt/ml.",
    ),
    "others": Point(
        "T4-other-files",
        Part.TRAINING,
        "Configuration files that the guide does not name may be there or not",
        "logs of real jobs; aws/sagemaker-xgboost-container, pull request 32",
        "Open the files of /opt/ml/input/config by name, and pass over the others.",
    ),
    "quoted": Point(
        "T5-both-encodings",
        Part.TRAINING,
        'Hyperparameters are understood as SDK v2 sends them ("\\"adam\\"") and as SDK v3 and boto3 do ("adam")',
        "aws/sagemaker-python-sdk#3487, #613; aws/sagemaker-training-toolkit#66",
        "Try json.loads on each value, and keep the string where that fails.",
    ),
    "tuned": Point(
        "T5-platform-hyperparameters",
        Part.TRAINING,
        "Hyperparameters that the platform adds, _tuning_objective_metric and sagemaker_*, are passed over",
        "sagemaker-training 5.1.4, params.py",
        "Ignore hyperparameters whose names begin with _ or sagemaker_.",
    ),
    "manifests": Point(
        "T6-manifests",
        Part.TRAINING,
        "Files named <channel>-manifest may lie beside the channels' folders",
        "listings of real jobs",
        "Take the channels' names from inputdataconfig.json.",
    ),
    "read_only": Point(
        "T6-read-only",
        Part.TRAINING,
        "Nothing is written to a channel, which is read-only in FastFile mode",
        'guide, "Access Training Data": FastFile mode',
        "Write to /tmp what is derived from the data.",
    ),
    "short": Point(
        "T7-short-configuration",
        Part.TRAINING,
        "inputdataconfig.json and resourceconfig.json do with the few keys that SDK v3's local mode writes",
        "sagemaker 3.27.0, train/local/local_container.py",
        "Read keys other than TrainingInputMode, current_host and hosts with a default.",
    ),
    "renamed": Point(
        "T8-hostname",
        Part.TRAINING,
        "The host's name is read from resourceconfig.json: the machine has another",
        'guide, "How Amazon SageMaker AI Provides Training Information": distributed training configuration',
        "Compare current_host, not the machine's hostname, with hosts.",
    ),
    "variables": Point(
        "T9-variables",
        Part.TRAINING,
        "TRAINING_JOB_ARN and AWS_REGION may be set, as on the platform, or not, as in local mode",
        'guide, "How Amazon SageMaker AI Provides Training Information"; sagemaker 2.257.7, local/image.py',
        "Read them with os.environ.get.",
    ),
    "toolkit": Point(
        "T9-no-toolkit",
        Part.TRAINING,
        "The variables SM_* are not needed: the toolkit sets them, not the platform",
        'guide, "SageMaker AI Environment Variables and Default Paths"',
        "Use the paths under /opt/ml, or start the program through sagemaker-training.",
    ),
    "isolated": Point(
        "T19-no-network",
        Part.TRAINING,
        "Training needs no network, as a job with network isolation has none",
        'guide, "Run Training and Inference Containers in Internet-Free Mode"',
        "Install everything when the image is built; take data from channels.",
    ),
}
_CONTAINERS_ONLY = ("whole", "isolated", "renamed", "read_only")
_POINTS = (_STARTS, _COMPLETES, _MODEL, _LINKS, _STATE, _LIVE, *_TRAITS.values())
_CANNOT_START = (125, 126, 127)
"""Exit codes of `docker run` for a command that cannot be run."""
_CHECKPOINT = re.compile(r"(?i)(^|/)(checkpoints?([-_]?\d+)?(/|$)|[^/]*\.ckpt([-.][^/]*)?$|events\.out\.tfevents)")


def _judge(subject: Subject) -> Iterator[Finding]:
    baseline = baselines.of(subject)
    job = baseline.job
    if baseline.works is None:
        yield from _without_one(subject, baseline)
        return
    yield verdict(_STARTS, True, "it starts")
    yield verdict(_COMPLETES, True, str(job))
    yield from _left(job)
    yield _live(subject, baseline)
    for name, point in _TRAITS.items():
        if name in baseline.breaking:
            yield verdict(point, False, f"by itself this breaks the job: {baseline.breaking[name]}")
        elif name in _CONTAINERS_ONLY and subject.image is None:
            yield from unknown((point,), "a bare program has no container")
        elif name == "quoted" and not subject.hyperparameters:
            yield from unknown((point,), "no hyperparameters were given")
        elif name in ("manifests", "read_only") and not subject.channels:
            yield from unknown((point,), "no channels were given")
        elif name not in baseline.told:
            yield from unknown((point,), f"several things together break the job: {job}")
        else:
            yield verdict(point, True, "the job completes with and without" if name != "toolkit" else "not needed")


def _without_one(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    job = baseline.job
    found = [verdict(_STARTS, subject.image is None or job.code not in _CANNOT_START, str(job))]
    if found[0].verdict is Verdict.HOLDS and job.code is not None:
        found.append(verdict(_COMPLETES, False, str(job)))
    yield from found
    decided = {finding.point for finding in found}
    yield from unknown(tuple(point for point in _POINTS if point not in decided), f"no training job completed: {job}")


def _left(job: Ended) -> Iterator[Finding]:
    files = job.model
    total = sum(files.values())
    yield verdict(_MODEL, bool(total), f"{len(files)} files, {total} bytes: {', '.join(list(files)[:5]) or 'none'}")
    if not files:
        yield from unknown((_LINKS, _STATE), "there is no model")
        return
    links = [name for name in files if (job.base / "model" / name).is_symlink()]
    yield verdict(_LINKS, not links, f"{len(links)} links: {', '.join(links[:5])}" if links else "none")
    states = [name for name in files if _CHECKPOINT.search(name) or _kept_twice(job.base, name)]
    yield verdict(_STATE, not states, ", ".join(states[:5]) or "none")


def _kept_twice(base: Path, name: str) -> bool:
    """Say whether a file of the model is among the checkpoints too."""
    path = base / "model" / name
    others = [other for other in (base / "checkpoints").rglob(path.name) if other.is_file()]
    return path.is_file() and any(other.read_bytes() == path.read_bytes() for other in others)


def _live(subject: Subject, baseline: Baseline) -> Finding:
    if subject.image is None:
        return Finding(_LIVE, Verdict.UNKNOWN, "for a bare program this is up to its environment, not to the image")
    for stdout in (True, False):
        spread, unbuffered = _spread(baseline.job, stdout), _spread(baseline.local, stdout)
        stream = "stdout" if stdout else "stderr"
        if spread is None or unbuffered is None or unbuffered < 0.2:
            continue
        if spread < unbuffered / 10:
            seen = f"all lines of {stream} came within {spread:.2f} s; {unbuffered:.1f} s with PYTHONUNBUFFERED=1"
            return verdict(_LIVE, False, seen)
        return verdict(_LIVE, True, f"lines of {stream} came over {spread:.1f} of {baseline.job.seconds:.1f} s")
    return Finding(_LIVE, Verdict.UNKNOWN, "there are too few lines to tell: one stream needs two, 0.2 s apart")


def _spread(job: Ended, stdout: bool) -> float | None:
    """Return the seconds between the first and the last line of a stream; None where there are no two."""
    times = [line.seconds for line in job.lines if line.stdout is stdout]
    return times[-1] - times[0] if len(times) > 1 and job.code == 0 else None


SCENARIOS = (Scenario("training ends by itself", _POINTS, _judge),)

NOT_CHECKABLE = {
    "T6-pipe": "Pipe mode is asked for job by job, and streams of S3 objects have no counterpart here",
    "T10": "script mode's downloads need S3; a program of the user's own is checked as T10-user-failure",
    "T13-max-runtime": "its end is the same SIGTERM as a stop's, which is checked",
    "T15-metrics": "the expressions are the job's, not the image's; compare them with the log that is shown",
    "T16": "TensorBoard, debugger and profiler folders are copied by the platform; no duty of the image",
    "T17": "no duty of the image: warm pools start a new container, /tmp is always there",
    "T18": "needs a GPU and a driver; that the image has no driver of its own is a matter of its files",
    "T20": "the API bounds the image's name, not the training image's size",
}
