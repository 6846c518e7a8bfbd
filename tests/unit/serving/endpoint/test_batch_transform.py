"""Batch transform: what a job is told, how it is served, and whole jobs in SageMaker's local mode."""

import pytest

from traffic_signs.errors import SettingsError
from traffic_signs.serving.endpoint import batch_transform
from traffic_signs.serving.engine import capacity
from traffic_signs.settings.serving import ServingSettings

JOB = {"SAGEMAKER_BATCH": "true"}
QUICK, SLOW = 0.0001, 0.005
"""Seconds an image."""


def parameters(variables: dict[str, str], workers: int, memory_mb: int, seconds: float) -> tuple[object, object]:
    settings = ServingSettings.from_environment({**JOB, **variables})
    found = batch_transform.compute(settings, workers=workers, memory_mb=memory_mb, seconds_per_image=seconds)
    assert int(found["MaxConcurrentTransforms"]) * int(found["MaxPayloadInMB"]) <= 100
    return found["MaxConcurrentTransforms"], found["MaxPayloadInMB"]


@pytest.mark.parametrize(
    ("variables", "workers", "memory_mb", "seconds", "expected"),
    [
        ({}, 2, 8_000, QUICK, (4, 25)),  # two a core, and the platform's 100 MB together
        ({}, 1, 8_000, QUICK, (2, 50)),
        ({}, 96, 200_000, QUICK, (100, 1)),
        ({}, 2, 1_000, QUICK, (4, 25)),  # just enough memory
        ({}, 2, 500, QUICK, (4, 9)),
        ({}, 1, 100, QUICK, (2, 1)),  # never 0
        ({}, 2, 8_000, SLOW, (4, 11)),  # a megabyte takes 10 s
        ({"SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "1"}, 1, 8_000, QUICK, (1, 100)),
        ({"SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "8"}, 2, 8_000, QUICK, (8, 12)),
        ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "60"}, 2, 8_000, QUICK, (1, 60)),
        ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "6"}, 2, 8_000, QUICK, (4, 6)),
        ({"SAGEMAKER_MAX_PAYLOAD_IN_MB": "0"}, 2, 8_000, QUICK, (4, 25)),  # "no limit"
        ({"SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "0"}, 2, 8_000, QUICK, (4, 25)),  # "not said"
    ],
)
def test_a_job_gets_the_resources_of_the_machine(
    variables: dict[str, str], workers: int, memory_mb: int, seconds: float, expected: tuple[int, int]
) -> None:
    assert parameters(variables, workers, memory_mb, seconds) == expected


@pytest.mark.parametrize(
    ("variables", "payload_mb", "patience"),
    [
        ({}, 25, 60),
        (JOB, 100, 600),
        ({**JOB, "SAGEMAKER_MAX_PAYLOAD_IN_MB": "0"}, 100, 600),
        ({**JOB, "SAGEMAKER_MAX_PAYLOAD_IN_MB": "6", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "20"}, 6, 20),
        ({"SAGEMAKER_BATCH": "False"}, 25, 60),
    ],
)
def test_a_job_has_other_limits_than_an_endpoint(variables: dict[str, str], payload_mb: int, patience: int) -> None:
    settings = ServingSettings.from_environment(variables)
    assert (settings.payload_mb, settings.answer_timeout_seconds) == (payload_mb, patience)


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("SAGEMAKER_BATCH", "maybe", "true or false"),
        ("SAGEMAKER_BATCH_STRATEGY", "MultiRecord", "one of SINGLE_RECORD, MULTI_RECORD"),
        ("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", "-1", "a whole number from 0"),
    ],
)
def test_a_bad_variable_is_named_with_its_value(name: str, value: str, rule: str) -> None:
    with pytest.raises(SettingsError, match=f"^{name} = '{value}'; expected {rule}"):
        ServingSettings.from_environment({name: value})


def test_a_job_that_sends_one_request_at_a_time_gets_one_process() -> None:
    for variables, workers in ((JOB, 4), ({**JOB, "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "1"}, 1)):
        settings = ServingSettings.from_environment(variables)
        assert capacity.plan(settings, cores=4, memory_mb=8_000, gpus=0).workers == workers
