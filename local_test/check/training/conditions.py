"""Points about the conditions of a training job, one per difference between the platform and local mode.

Baseline, a job resumed in local mode, or else a whole one  ->  conditions that break the job, log  ->  findings
"""

from collections.abc import Iterator
from dataclasses import replace

from local_test.check.core.points import Finding, Part, Point, Subject, Verdict, inconclusive, passed_if, warning
from local_test.check.training.baseline import CONTAINERS_ONLY, LOCAL, PLATFORM, Baseline, scenario, try_local_mode
from local_test.check.training.completion import LIVE, LIVE_SECONDS, live, spread
from local_test.check.training.job import JobResult, run_job
from local_test.check.training.stop import STOP_POINTS, stop_and_resume
from local_test.platform.opt_ml import Encoding, encoded

_POINTS = {
    "whole_mount": Point(
        "T3-opt-ml",
        Part.TRAINING,
        "the image needs no files of its own under /opt/ml, over which the platform mounts",
        'developer guide, "How Amazon SageMaker AI Runs Your Training Image": they may no longer be visible;'
        " the README of sagemaker-training 5.1.4 puts the program into /opt/ml/code",
        "move the image's own files out of /opt/ml",
        level=Verdict.WARNING,
    ),
    "extra_files": Point(
        "T4-other-files",
        Part.TRAINING,
        "training works with and without configuration files that the guide does not document",
        "logs of real jobs; aws/sagemaker-xgboost-container, pull request 32",
        "open the files in /opt/ml/input/config by name, and ignore the others",
    ),
    "encoding": Point(
        "T5-encodings",
        Part.TRAINING,
        'hyperparameters work as SDK v3 sends them (adam, true), SDK v2 (adam, True), SDK v2 with source_dir ("adam")',
        "sagemaker 2.257.7 and 3.27.0, measured; aws/sagemaker-python-sdk#3487; no document names the encodings",
        "parse each value with json.loads; if that fails, read True, False and None, and keep other strings",
    ),
    "platform_hyperparameters": Point(
        "T5-platform-hyperparameters",
        Part.TRAINING,
        "hyperparameters that the platform adds, _tuning_objective_metric and sagemaker_*, are ignored",
        "sagemaker-training 5.1.4, params.py; only tuning jobs and the SDK's source_dir add them",
        "ignore hyperparameters whose names start with _ or sagemaker_",
        level=Verdict.WARNING,
    ),
    "manifests": Point(
        "T6-manifests",
        Part.TRAINING,
        "training works with files named <channel>-manifest beside the channel folders",
        "listings of real jobs",
        "read the channel names from inputdataconfig.json instead of listing the folder",
    ),
    "read_only": Point(
        "T6-read-only",
        Part.TRAINING,
        "nothing is written to a channel, which is read-only in FastFile mode",
        'developer guide, "Access Training Data": FastFile mode; a job in File mode may write',
        "write files derived from the data to /tmp",
        level=Verdict.WARNING,
    ),
    "local_mode_keys": Point(
        "T7-short-configuration",
        Part.TRAINING,
        "inputdataconfig.json and resourceconfig.json may have only the few keys that SDK v3's local mode writes",
        "sagemaker 3.27.0, train/local/local_container.py",
        "use a default for every key other than TrainingInputMode, current_host and hosts",
        level=Verdict.WARNING,
    ),
    "other_hostname": Point(
        "T8-hostname",
        Part.TRAINING,
        "the host's name is read from resourceconfig.json: the machine's hostname differs",
        'developer guide, "How Amazon SageMaker AI Provides Training Information": distributed training configuration',
        "compare hosts with current_host, not with the machine's hostname",
    ),
    "variables": Point(
        "T9-variables",
        Part.TRAINING,
        "training works with TRAINING_JOB_ARN and AWS_REGION, as on the platform, and without, as in local mode",
        'developer guide, "How Amazon SageMaker AI Provides Training Information"; sagemaker 2.257.7, local/image.py',
        "read them with os.environ.get, and continue without them",
    ),
    "toolkit": Point(
        "T9-no-toolkit",
        Part.TRAINING,
        "training works without the variables SM_*, which the toolkit sets and the platform does not",
        'developer guide, "SageMaker AI Environment Variables and Default Paths"',
        "use the paths under /opt/ml, or start the program with sagemaker-training",
    ),
    "network_isolation": Point(
        "T19-no-network",
        Part.TRAINING,
        "training works without a network, as in a job with network isolation",
        'developer guide, "Run Training and Inference Containers in Internet-Free Mode": with isolation only',
        "install everything when the image is built, and read data from the channels",
        level=Verdict.WARNING,
    ),
}


def _judge(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    unbuffered = _resumed(subject, baseline)
    if unbuffered is None:
        baseline = try_local_mode(subject, baseline)
        unbuffered = baseline.local
    yield from _judge_conditions(subject, baseline)
    yield live(subject, baseline.job, unbuffered)


def _resumed(subject: Subject, baseline: Baseline) -> JobResult | None:
    """Return the resumed job if it shows what a whole job in local mode would."""
    names = {point.name for point in STOP_POINTS}
    if baseline.local or (subject.only and not subject.only & names):
        return None  # two jobs for one
    stopped = stop_and_resume(subject)
    resumed = stopped.resumed if stopped else None
    if resumed is None or resumed.code != 0:
        return None
    streams = [stdout for stdout in (True, False) if subject.image and spread(baseline.job, stdout) is not None]
    return resumed if all((spread(resumed, stdout) or 0) >= LIVE_SECONDS for stdout in streams) else None


def _judge_conditions(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    for name, point in _POINTS.items():
        if name == "encoding":
            yield _encodings(subject, baseline, point)
        elif name in baseline.breaking:
            observed = f"this condition alone makes the job fail: {baseline.breaking[name]}"
            yield warning(point, observed) if _rare(name, baseline) else passed_if(point, False, observed)
        elif name in CONTAINERS_ONLY and subject.image is None:
            yield from inconclusive(point, "only a container shows this")
        elif name in ("manifests", "read_only") and not subject.channels:
            yield from inconclusive(point, "no channel was given; add --data")
        elif name not in baseline.judged:
            yield from inconclusive(point, f"the job fails under several conditions together: {baseline.job}")
        else:
            yield passed_if(point, True, "the job completes with and without" if name != "toolkit" else "not needed")


def _encodings(subject: Subject, baseline: Baseline, point: Point) -> Finding:
    """Run a job for each encoding that has not been tried, and whose strings differ."""
    works = {baseline.conditions.encoding}
    if "encoding" in baseline.judged - baseline.breaking.keys():
        works |= {PLATFORM.encoding, LOCAL.encoding}
    failed: dict[Encoding, JobResult] = {}
    strings = {each: encoded(subject.hyperparameters, each) for each in Encoding}
    for each in Encoding:
        if not any(strings[each] == strings[other] for other in works):
            job = run_job(subject, replace(baseline.conditions, encoding=each))
            if job.code != 0:
                failed[each] = job
                continue
        works.add(each)
    if all(each == strings[Encoding.TEXT] for each in strings.values()):
        return next(inconclusive(point, "no text, truth value or null was given with -p; all else looks the same"))
    if not failed:
        return passed_if(point, True, f"the job completes with the strings of {', '.join(Encoding)}")
    observed = "; ".join(f"as {each} sends them, {str(strings[each])[:120]}: {job}" for each, job in failed.items())
    if any(job.code is None for job in failed.values()):
        return next(inconclusive(point, observed))
    # what only SDK v2 with source_dir sends is no string that any other client would
    return passed_if(point, False, observed) if works == {Encoding.JSON} else warning(point, observed)


def _rare(name: str, baseline: Baseline) -> bool:
    """Return whether the job fails only in local mode."""
    local = getattr(LOCAL, name)
    return bool(local != getattr(PLATFORM, name) and local != getattr(baseline.conditions, name))


SCENARIOS = (scenario("training as the platform and as local mode start it", (*_POINTS.values(), LIVE), _judge),)
