"""Points of training about what a job may be given: one for each condition that tells the platform from local mode.

Baseline: which conditions break the job  ->  findings
"""

from collections.abc import Iterator

from local_test.check.core.points import Finding, Part, Point, Subject, inconclusive, passed_if
from local_test.check.training.baseline import CONTAINERS_ONLY, Baseline, scenario

_POINTS = {
    "whole_mount": Point(
        "T3-opt-ml",
        Part.TRAINING,
        "Nothing that the image needs lies under /opt/ml, which the platform mounts over",
        'guide, "How Amazon SageMaker AI Runs Your Training Image"',
        "Move the image's own files out of /opt/ml.",
    ),
    "extra_files": Point(
        "T4-other-files",
        Part.TRAINING,
        "Configuration files that the guide does not name may be there or not",
        "logs of real jobs; aws/sagemaker-xgboost-container, pull request 32",
        "Open the files of /opt/ml/input/config by name, and pass over the others.",
    ),
    "json_strings": Point(
        "T5-both-encodings",
        Part.TRAINING,
        'Hyperparameters are understood as SDK v2 sends them ("\\"adam\\"") and as SDK v3 and boto3 do ("adam")',
        "aws/sagemaker-python-sdk#3487, #613; aws/sagemaker-training-toolkit#66",
        "Try json.loads on each value, and keep the string where that fails.",
    ),
    "platform_hyperparameters": Point(
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
    "local_mode_keys": Point(
        "T7-short-configuration",
        Part.TRAINING,
        "inputdataconfig.json and resourceconfig.json do with the few keys that SDK v3's local mode writes",
        "sagemaker 3.27.0, train/local/local_container.py",
        "Read keys other than TrainingInputMode, current_host and hosts with a default.",
    ),
    "other_hostname": Point(
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
    "network_isolation": Point(
        "T19-no-network",
        Part.TRAINING,
        "Training needs no network, as a job with network isolation has none",
        'guide, "Run Training and Inference Containers in Internet-Free Mode"',
        "Install everything when the image is built; take data from channels.",
    ),
}


def _judge(subject: Subject, baseline: Baseline) -> Iterator[Finding]:
    for name, point in _POINTS.items():
        if name in baseline.breaking:
            yield passed_if(point, False, f"by itself this breaks the job: {baseline.breaking[name]}")
        elif name in CONTAINERS_ONLY and subject.image is None:
            yield from inconclusive(point, "a bare program has no container")
        elif name == "json_strings" and not any(isinstance(value, str) for value in subject.hyperparameters.values()):
            yield from inconclusive(
                point, "no hyperparameter that is text was given; other values are the same in both"
            )
        elif name in ("manifests", "read_only") and not subject.channels:
            yield from inconclusive(point, "no channels were given")
        elif name not in baseline.judged:
            yield from inconclusive(point, f"several things together break the job: {baseline.job}")
        else:
            yield passed_if(point, True, "the job completes with and without" if name != "toolkit" else "not needed")


SCENARIOS = (scenario("training as the platform and as local mode start it", tuple(_POINTS.values()), _judge),)
