"""Request for a hyperparameter tuning job on SageMaker, on an image of one's own.

Plan, with Space and Strategy  ->  parameters of CreateHyperParameterTuningJob
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.tuning.space import METRICS, Range, Space
from scripts.tuning.strategy import Strategy

_VOLUME_GB = 30
"""As the SDK's Estimator asks for."""
_SPOT_WAIT_FACTOR = 2
"""Limit for a spot job including the wait for capacity, in multiples of its running time limit; as in training jobs."""


@dataclass(frozen=True)
class Plan:
    """Specification of a tuning job.

    Attributes:
        name: Name of the tuning job, at most 32 characters; the training jobs' names begin with it.
        image: URI of the image, with tag or digest.
        role: ARN of the execution role.
        inputs: Channel -> S3 URI.
        output: URI of the folder for artifacts.
        parallel: Largest number of training jobs at a time.
        max_hours: Limit of the running time of each training job, hours.
    """

    name: str
    image: str
    role: str
    inputs: Mapping[str, str]
    output: str
    space: Space
    strategy: Strategy
    instance_type: str
    instance_count: int = 1
    parallel: int = 1
    max_hours: float = 1.0
    spot: bool = False
    network_isolation: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


def parameters(plan: Plan) -> dict[str, Any]:
    """Return the parameters of CreateHyperParameterTuningJob."""
    seconds = int(plan.max_hours * 3600)
    stopping = {"MaxRuntimeInSeconds": seconds}
    if plan.spot:
        # no CheckpointConfig: all training jobs would share its folder, and none may resume from another's checkpoint
        stopping["MaxWaitTimeInSeconds"] = seconds * _SPOT_WAIT_FACTOR
    return {
        "HyperParameterTuningJobName": plan.name,
        "HyperParameterTuningJobConfig": _search(plan),
        "TrainingJobDefinition": {
            "AlgorithmSpecification": {
                "TrainingImage": plan.image,
                "TrainingInputMode": "File",
                "MetricDefinitions": json.loads(METRICS.read_text(encoding="utf-8")),
            },
            "StaticHyperParameters": {name: _text(value) for name, value in plan.space.fixed.items()},
            "RoleArn": plan.role,
            "InputDataConfig": [
                {
                    "ChannelName": channel,
                    "DataSource": {
                        "S3DataSource": {
                            "S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"
                        }
                    },
                }
                for channel, uri in plan.inputs.items()
            ],
            "OutputDataConfig": {"S3OutputPath": plan.output},
            "ResourceConfig": {
                "InstanceType": plan.instance_type,
                "InstanceCount": plan.instance_count,
                "VolumeSizeInGB": _VOLUME_GB,
            },
            "StoppingCondition": stopping,
            "EnableManagedSpotTraining": plan.spot,
            "EnableNetworkIsolation": plan.network_isolation,
        },
        "Tags": [{"Key": key, "Value": value} for key, value in plan.tags.items()],
    }  # fmt: skip


def _search(plan: Plan) -> dict[str, Any]:
    strategy = plan.strategy
    ranges: dict[str, list[dict[str, Any]]] = {"Integer": [], "Continuous": [], "Categorical": []}
    for name, values in plan.space.searched.items():
        if isinstance(values, Range):
            ranges["Integer" if values.is_whole else "Continuous"].append(
                {
                    "Name": name,
                    "MinValue": str(values.low),
                    "MaxValue": str(values.high),
                    "ScalingType": "Logarithmic" if values.logarithmic else "Linear",
                }
            )
        else:
            ranges["Categorical"].append({"Name": name, "Values": [_text(value) for value in values]})
    search: dict[str, Any] = {
        "Strategy": strategy.name,
        "HyperParameterTuningJobObjective": {
            "Type": "Maximize" if plan.space.maximize else "Minimize",
            "MetricName": plan.space.objective,
        },
        "ResourceLimits": {"MaxNumberOfTrainingJobs": strategy.jobs, "MaxParallelTrainingJobs": plan.parallel},
        "ParameterRanges": {f"{kind}ParameterRanges": found for kind, found in ranges.items()},
        "TrainingJobEarlyStoppingType": "Auto" if strategy.early_stopping else "Off",
        "RandomSeed": strategy.seed,
    }
    if strategy.name == "Hyperband":
        # a whole job logs the objective once more than it has epochs, and a job is stopped at this number
        limits = {"MinResource": 1, "MaxResource": plan.space.fixed["epochs"] + 1}
        search["StrategyConfig"] = {"HyperbandStrategyConfig": limits}
    return search


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
