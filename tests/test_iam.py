"""The policies allow what the commands ask AWS for, and nothing more."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.test_cloud import ROOT, Cloud, aws, cloud, pytestmark  # noqa: F401 # fixtures, and when to skip

IAM = ROOT / "scripts" / "iam"
# operations whose permission has another name
PERMISSION = {"s3:HeadBucket": "s3:ListBucket", "s3:ListObjectsV2": "s3:ListBucket"}
# checked by AWS in the course of calls that hand over a role or tags: no call of their own
IMPLIED = {"iam:PassRole", "sagemaker:AddTags"}
# made when there is no moto behind them: an endpoint that answers, a log that has lines
ELSEWHERE = {"sagemaker:InvokeEndpoint", "logs:GetLogEvents", "logs:DescribeLogStreams"}


def statements(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((IAM / name).read_text())["Statement"]
    return found


def test_user_policy_is_what_the_commands_call(cloud: Cloud) -> None:  # noqa: F811 # the fixture
    # a bucket that is not there yet, in which everything has to be made
    for done in (
        cloud.train("--bucket", "sagemaker-iam-test", "--yes"),
        cloud.deploy("traffic-signs-iam"),
        cloud.run("delete_endpoint", "traffic-signs-iam"),
    ):
        assert done.returncode == 0, done.stderr
    called = {PERMISSION.get(call, call) for call, _ in cloud.calls()}
    allowed = {action for statement in statements("user-policy.json") for action in statement["Action"]}
    assert called <= allowed, called - allowed
    unused = {action for action in allowed - called - IMPLIED - ELSEWHERE if not action.startswith("ecr:")}
    assert not unused


@pytest.mark.parametrize("path", sorted(IAM.glob("*.json")), ids=lambda path: path.stem)
def test_no_statement_is_wide(path: Path) -> None:
    unbound = {
        "sts:GetCallerIdentity",
        "ecr:GetAuthorizationToken",
        "cloudwatch:PutMetricData",
    }  # IAM knows no narrower
    seen = set()
    for statement in statements(path.name):
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert not any("*" in action for action in actions)
        assert statement.get("Resource") != "*" or set(actions) <= unbound
        assert statement["Sid"].isalnum()
        seen.add(statement["Sid"])
    assert len(seen) == len(statements(path.name))
