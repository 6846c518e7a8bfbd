"""Validation of requests finds what AWS would reject."""

from typing import Any

import pytest

from tests.aws.account import limits


@pytest.mark.parametrize(
    ("operation", "parameters", "words"),
    [
        ("CreateModel", {"ModelName": "a_b"}, "CreateModel.ModelName = 'a_b'"),
        ("CreateModel", {"PrimaryContainer": {"Mode": "Many"}}, "expected one of SingleModel, MultiModel"),
        ("CreateEndpointConfig", {"Tags": [{"Key": "team", "Value": "a,b"}]}, "Tags.Value = 'a,b'"),
        ("CreateTrainingJob", {"HyperParameters": {"a": "1" * 2501}}, "HyperParameters.a = "),
        ("InvokeEndpoint", {"EndpointName": "a" * 64}, "at most 63"),
    ],
)
def test_a_request_beyond_the_limits_is_found(operation: str, parameters: dict[str, Any], words: str) -> None:
    assert words in "\n".join(limits.violations(f"sagemaker:{operation}", parameters))
