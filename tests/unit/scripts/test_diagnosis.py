"""The likely cause of an endpoint that did not come into service."""

import pytest

from scripts.resources import diagnosis


@pytest.mark.parametrize(
    ("reason", "log", "cause"),
    [
        ("did not pass the ping health check", "failed call to cuInit", "driver"),
        ("did not pass the ping health check", "model warmed up", "/ping"),
        ("did not pass the ping health check", "code/inference.py, line 2: ModuleNotFoundError: x", "own code"),
        ("Unsupported manifest media type", "", "manifest"),
        ("Could not assume role", "", "execution-role-policy.json"),
        ("something new", "", "unknown; see the whole log in CloudWatch"),
    ],
)
def test_a_failure_is_told_with_its_likely_cause(reason: str, log: str, cause: str) -> None:
    assert cause in diagnosis.likely_cause(reason, [log])
