"""SageMaker's tuning jobs, of which moto keeps only the request: training jobs, their values, and what AWS refuses.

InProgress -> Completed | Failed; StopHyperParameterTuningJob: InProgress -> Stopping -> Stopped

All training jobs run within the first DescribeHyperParameterTuningJob, unless the service is paused. They are moto's.
Sources: API reference, HyperParameterTuningJobConfig, HyperbandStrategyConfig, ParameterRanges, StoppingCondition;
developer guide, "How Hyperparameter Tuning Works", "Define metrics". Not known, and so decided here: the messages.
"""

import copy
import itertools
import json
import math
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import ResourceInUseException, ResourceNotFound, ValidationError
from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from tests.aws.account import limits
from tests.aws.cloud import ACCOUNT, REGION

Json = dict[str, Any]
_NUMBERS = ("Integer", "Continuous")
_OPERATIONS = (
    "create_hyper_parameter_tuning_job", "describe_hyper_parameter_tuning_job", "stop_hyper_parameter_tuning_job",
    "list_training_jobs_for_hyper_parameter_tuning_job",
)  # fmt: skip


@dataclass
class TuningService:
    """The tuning jobs of an account.

    Attributes:
        value: Hyperparameters of a training job, all of them texts -> its objective; None if it fails.
        stopped: Numbers, from 0, of the training jobs that early stopping ends.
        paused: Nothing goes on.
        failure: Reason in which tuning jobs end.
    """

    backend: Any
    value: Callable[[Mapping[str, str]], float | None] = lambda _: 0.5
    stopped: tuple[int, ...] = ()
    paused: bool = False
    failure: str = ""
    jobs: dict[str, Json] = field(default_factory=dict)
    launched: dict[str, list[Json]] = field(default_factory=dict)

    def create_hyper_parameter_tuning_job(self, asked: Json) -> Json:
        name = asked["HyperParameterTuningJobName"]
        if name in self.jobs:
            raise ResourceInUseException(f"tuning job {name} exists")
        _check(asked)
        job = copy.deepcopy(asked)
        definition, objective = job["TrainingJobDefinition"], job["HyperParameterTuningJobConfig"][_OBJECTIVE]
        definition["StaticHyperParameters"]["_tuning_objective_metric"] = objective["MetricName"]
        arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:hyper-parameter-tuning-job/{name}"
        self.jobs[name] = job | {"HyperParameterTuningJobArn": arn, "HyperParameterTuningJobStatus": "InProgress"}
        self.launched[name] = []
        return {"HyperParameterTuningJobArn": arn}

    def describe_hyper_parameter_tuning_job(self, asked: Json) -> Json:
        job = self._find(asked)
        if job["HyperParameterTuningJobStatus"] == "Stopping":
            job["HyperParameterTuningJobStatus"] = "Stopped"
        if job["HyperParameterTuningJobStatus"] == "InProgress" and not self.paused:
            self._launch(job)
            job["HyperParameterTuningJobStatus"] = "Failed" if self.failure else "Completed"
        counts = dict.fromkeys(("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0)
        for each in self.launched[asked["HyperParameterTuningJobName"]]:
            counts["NonRetryableError" if each["TrainingJobStatus"] == "Failed" else each["TrainingJobStatus"]] += 1
        reason = {"FailureReason": self.failure} if self.failure else {}
        described = {key: value for key, value in job.items() if key != "Tags"}
        return described | {"TrainingJobStatusCounters": counts} | reason

    def stop_hyper_parameter_tuning_job(self, asked: Json) -> Json:
        self._find(asked)["HyperParameterTuningJobStatus"] = "Stopping"
        return {}

    def list_training_jobs_for_hyper_parameter_tuning_job(self, asked: Json) -> Json:
        self._find(asked)
        found, start = self.launched[asked["HyperParameterTuningJobName"]], int(asked.get("NextToken", 0))
        end = start + asked.get("MaxResults", 10)
        return {"TrainingJobSummaries": found[start:end]} | ({"NextToken": str(end)} if end < len(found) else {})

    def _find(self, asked: Json) -> Json:
        if asked["HyperParameterTuningJobName"] not in self.jobs:
            raise ResourceNotFound("Amazon SageMaker can't find a tuning job with this name.")
        return self.jobs[asked["HyperParameterTuningJobName"]]

    def _launch(self, job: Json) -> None:
        config, definition, name = (
            job["HyperParameterTuningJobConfig"], job["TrainingJobDefinition"], job["HyperParameterTuningJobName"]
        )  # fmt: skip
        for number, tuned in enumerate(_choose(config)):
            texts = definition["StaticHyperParameters"] | tuned
            value = self.value(texts)
            status = "Failed" if value is None else "Stopped" if number in self.stopped else "Completed"
            created = self.backend.create_training_job(
                training_job_name=f"{name}-{number + 1:03}-0a1b2c3d", hyper_parameters=texts,
                algorithm_specification=copy.deepcopy(definition["AlgorithmSpecification"]),
                role_arn=definition["RoleArn"], input_data_config=definition["InputDataConfig"],
                output_data_config=definition["OutputDataConfig"], resource_config=definition["ResourceConfig"],
                stopping_condition=definition["StoppingCondition"], tags=job.get("Tags", []),
                enable_network_isolation=definition["EnableNetworkIsolation"],
                enable_managed_spot_training=definition["EnableManagedSpotTraining"],
                **dict.fromkeys(
                    ("vpc_config", "checkpoint_config", "debug_hook_config", "debug_rule_configurations",
                     "tensor_board_output_config", "experiment_config", "enable_inter_container_traffic_encryption")
                ),
            )  # fmt: skip
            created.training_job_status = status
            metric = {**config[_OBJECTIVE], "Value": value}
            self.launched[name].append(
                {
                    "TrainingJobName": created.training_job_name, "TrainingJobArn": created.arn,
                    "CreationTime": created.creation_time, "TrainingStartTime": created.training_start_time,
                    "TrainingEndTime": created.training_end_time, "TrainingJobStatus": status,
                    "TunedHyperParameters": tuned, "ObjectiveStatus": "Failed" if value is None else "Succeeded",
                }
                | ({"FailureReason": "AlgorithmError: the loss diverged"} if value is None else {_FINAL: metric})
            )  # fmt: skip


_OBJECTIVE, _FINAL = "HyperParameterTuningJobObjective", "FinalHyperParameterTuningJobObjectiveMetric"


def install(monkeypatch: pytest.MonkeyPatch) -> TuningService:
    """Return the tuning jobs of the account, which moto's server in this process serves until the test ends."""
    service = TuningService(sagemaker_backends[ACCOUNT][REGION])

    def served(operation: str) -> Callable[[Any], ActionResult]:
        return lambda response: ActionResult(getattr(service, operation)(json.loads(response.body)))

    for operation in _OPERATIONS:
        monkeypatch.setattr(SageMakerResponse, operation, served(operation), raising=False)
    return service


def _choose(config: Json) -> Iterator[dict[str, str]]:
    """Yield the values of each training job, as the texts that its container gets."""
    ranges, numbers = config["ParameterRanges"], random.Random(config.get("RandomSeed"))  # noqa: S311 # no secret
    if config["Strategy"] == "Grid":
        names = [each["Name"] for each in ranges["CategoricalParameterRanges"]]
        for values in itertools.product(*(each["Values"] for each in ranges["CategoricalParameterRanges"])):
            yield dict(zip(names, values, strict=True))
        return
    for _ in range(config["ResourceLimits"]["MaxNumberOfTrainingJobs"]):
        found = {each["Name"]: numbers.choice(each["Values"]) for each in ranges["CategoricalParameterRanges"]}
        for kind in _NUMBERS:
            for each in ranges[f"{kind}ParameterRanges"]:
                low, high = float(each["MinValue"]), float(each["MaxValue"])
                value = (
                    math.exp(numbers.uniform(math.log(low), math.log(high)))
                    if each["ScalingType"] == "Logarithmic"
                    else numbers.uniform(low, high)
                )
                found[each["Name"]] = str(round(value) if kind == "Integer" else value)
        yield found


def _refuse_unless(condition: object, message: str) -> None:
    if not condition:
        raise ValidationError(message)


def _check(asked: Json) -> None:
    shape = botocore.session.get_session().get_service_model("sagemaker")
    report = ParamValidator().validate(asked, shape.operation_model("CreateHyperParameterTuningJob").input_shape)
    _refuse_unless(not report.has_errors(), report.generate_report())
    found = limits.violations("sagemaker:CreateHyperParameterTuningJob", asked)
    _refuse_unless(not found, "; ".join(found))
    config, definition = asked["HyperParameterTuningJobConfig"], asked["TrainingJobDefinition"]
    ranges, static = config["ParameterRanges"], definition.get("StaticHyperParameters", {})
    searched = [each for kind in (*_NUMBERS, "Categorical") for each in ranges.get(f"{kind}ParameterRanges", [])]
    names = [each["Name"] for each in searched]
    _refuse_unless(1 <= len(names) <= 30 and len(set(names)) == len(names), "1 to 30 hyperparameters, each once")
    _refuse_unless(not set(names) & set(static), "a hyperparameter is both static and searched")
    metrics = [each["Name"] for each in definition["AlgorithmSpecification"].get("MetricDefinitions", [])]
    _refuse_unless(config[_OBJECTIVE]["MetricName"] in metrics, "no definition of the objective metric")
    for each in ranges.get("IntegerParameterRanges", []):
        _refuse_unless(int(each["MinValue"]) <= int(each["MaxValue"]), "MinValue above MaxValue")
    for each in (each for each in searched if "ScalingType" in each):
        _refuse_unless(float(each["MinValue"]) <= float(each["MaxValue"]), "MinValue above MaxValue")
        # "Logarithmic scaling works only for ranges that have only values greater than 0"
        _refuse_unless(each["ScalingType"] != "Logarithmic" or float(each["MinValue"]) > 0, "Logarithmic from 0")
    _check_strategy(config, static)
    stopping, spot = definition["StoppingCondition"], definition.get("EnableManagedSpotTraining")
    wait = stopping.get("MaxWaitTimeInSeconds")
    _refuse_unless(bool(spot) == (wait is not None), "MaxWaitTimeInSeconds goes with managed spot training")
    _refuse_unless(not spot or wait >= stopping["MaxRuntimeInSeconds"], "MaxWaitTimeInSeconds is too short")


def _check_strategy(config: Json, static: Mapping[str, str]) -> None:
    hyperband = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig")
    if config["Strategy"] == "Hyperband":
        # "TrainingJobEarlyStoppingType must be OFF to use Hyperband"
        _refuse_unless(config.get("TrainingJobEarlyStoppingType", "Off") == "Off", "early stopping with Hyperband")
        most = (hyperband or {}).get("MaxResource") or int(static.get("epochs", 0))
        _refuse_unless(0 < most <= 20_000, "MaxResource cannot be inferred, or is above 20,000")
    else:
        _refuse_unless(hyperband is None, "StrategyConfig is for Hyperband only")
    if config["Strategy"] == "Grid":
        ranges = config["ParameterRanges"]
        _refuse_unless(not any(ranges.get(f"{kind}ParameterRanges") for kind in _NUMBERS), "Grid takes categories only")
        count = math.prod(len(each["Values"]) for each in ranges["CategoricalParameterRanges"])
        given = config["ResourceLimits"].get("MaxNumberOfTrainingJobs", count)
        _refuse_unless(given == count, f"MaxNumberOfTrainingJobs must be {count} for Grid")
    else:
        _refuse_unless("MaxNumberOfTrainingJobs" in config["ResourceLimits"], "MaxNumberOfTrainingJobs is missing")
