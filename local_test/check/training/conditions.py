"""Points about the conditions of a training job, one per difference between the platform and local mode.

Baseline: conditions that break the job  ->  findings
"""

from collections.abc import Iterator

from local_test.check.core.points import Finding, Part, Point, Subject, Verdict, inconclusive, passed_if, warning
from local_test.check.training.baseline import CONTAINERS_ONLY, LOCAL, PLATFORM, Baseline, scenario

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
    "json_strings": Point(
        "T5-both-encodings",
        Part.TRAINING,
        'hyperparameters work as SDK v2 sends them ("\\"adam\\"") and as SDK v3 and boto3 do ("adam")',
        "sagemaker 2.257.7 and 3.27.0, measured: only SDK v2 with source_dir sends JSON; aws/sagemaker-python-sdk#3487",
        "parse each value with json.loads, and keep the string if that fails",
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
    for name, point in _POINTS.items():
        if name in baseline.breaking:
            observed = f"this condition alone makes the job fail: {baseline.breaking[name]}"
            yield warning(point, observed) if _rare(name, baseline) else passed_if(point, False, observed)
        elif name in CONTAINERS_ONLY and subject.image is None:
            yield from inconclusive(point, "only a container shows this")
        elif name == "json_strings" and not any(isinstance(value, str) for value in subject.hyperparameters.values()):
            yield from inconclusive(
                point, "no hyperparameter that is text was given; other values are the same in both"
            )
        elif name in ("manifests", "read_only") and not subject.channels:
            yield from inconclusive(point, "no channel was given; add --data")
        elif name not in baseline.judged:
            yield from inconclusive(point, f"the job fails under several conditions together: {baseline.job}")
        else:
            yield passed_if(point, True, "the job completes with and without" if name != "toolkit" else "not needed")


def _rare(name: str, baseline: Baseline) -> bool:
    """Return whether the job fails only in local mode, or only with the encoding of SDK v2's source_dir."""
    if name == "json_strings":
        return not baseline.conditions.json_strings
    local = getattr(LOCAL, name)
    return bool(local != getattr(PLATFORM, name) and local != getattr(baseline.conditions, name))


SCENARIOS = (scenario("training as the platform and as local mode start it", tuple(_POINTS.values()), _judge),)
