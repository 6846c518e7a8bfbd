"""Kinds of resources that can be diagnosed, and the ARNs that name them."""

import re
from dataclasses import dataclass

from scripts.errors import Failure

_ARN = re.compile(r"arn:aws[\w-]*:sagemaker:(?P<region>[\w-]+):\d{12}:(?P<kind>[\w-]+)/(?P<name>[\w.-]+)")


@dataclass(frozen=True)
class Kind:
    """A kind of resource: its Describe call, and where its containers log."""

    operation: str
    key: str
    group: str
    prefix: str
    """Of the names of its log streams; both may have {name}."""


KINDS = {
    "training-job": Kind("describe_training_job", "TrainingJobName", "/aws/sagemaker/TrainingJobs", "{name}/"),
    "endpoint": Kind("describe_endpoint", "EndpointName", "/aws/sagemaker/Endpoints/{name}", ""),
    "transform-job": Kind("describe_transform_job", "TransformJobName", "/aws/sagemaker/TransformJobs", "{name}/"),
    "hyper-parameter-tuning-job": Kind(
        "describe_hyper_parameter_tuning_job", "HyperParameterTuningJobName", "/aws/sagemaker/TrainingJobs", "{name}-"
    ),
}


def parse_arn(text: str) -> tuple[str, str, str]:
    """Return region, kind and name in an ARN; the first two are empty for a bare name.

    Raises:
        Failure: it is an ARN of something else.
    """
    if not text.startswith("arn:"):
        return "", "", text
    found = _ARN.fullmatch(text)
    if not found or found["kind"] not in KINDS:
        raise Failure(f"{text} is not the ARN of a supported kind: {', '.join(KINDS)}")
    return found["region"], found["kind"], found["name"]
