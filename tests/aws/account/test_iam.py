"""IAM policies: they allow the commands' calls on their resources, and nothing else."""

import json
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from policy_sentry.querying.actions import get_action_data

from tests.aws.cloud import REGION, ROOT, Cloud

IAM = ROOT / "scripts" / "iam"
# operation -> its permission, where the name differs
PERMISSION = {"s3:HeadBucket": "s3:ListBucket", "s3:ListObjectsV2": "s3:ListBucket", "s3:HeadObject": "s3:GetObject"}
PREFIX = {"monitoring": "cloudwatch"}
"""Name that requests are signed for -> prefix of the service's permissions, where the two differ."""
# AWS checks these within calls that pass a role or tags, or start autoscaling
IMPLIED = {
    "iam:PassRole", "sagemaker:AddTags", "iam:CreateServiceLinkedRole", "sagemaker:UpdateEndpointWeightsAndCapacities",
    "cloudwatch:DeleteAlarms", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricAlarm",
}  # fmt: skip
# calls by the AWS CLI that messages recommend, to stop jobs that bill
BY_HAND = {
    "sagemaker:StopTrainingJob", "sagemaker:StopTransformJob", "sagemaker:StopHyperParameterTuningJob",
    "sagemaker:StopProcessingJob",
}  # fmt: skip
# called in other tests: requests to endpoints, transform jobs, logs, autoscaling, updates, tuning jobs, registry
ELSEWHERE = {
    "sagemaker:InvokeEndpoint", "sagemaker:InvokeEndpointAsync", "logs:GetLogEvents", "logs:DescribeLogStreams",
    "s3:GetObject", "sagemaker:CreateTransformJob", "sagemaker:DescribeTransformJob",
    "application-autoscaling:RegisterScalableTarget", "application-autoscaling:PutScalingPolicy",
    "application-autoscaling:DeregisterScalableTarget", "sagemaker:DescribeHyperParameterTuningJob",
    "sagemaker:UpdateEndpoint", "sagemaker:ListTags", "sagemaker:DeleteTags",
    "sagemaker:CreateHyperParameterTuningJob", "sagemaker:ListTrainingJobsForHyperParameterTuningJob",
    "pricing:GetProducts",
    "sagemaker:CreateModelPackage", "sagemaker:CreateModelPackageGroup", "sagemaker:DescribeModelPackage",
    "sagemaker:DescribeModelPackageGroup", "sagemaker:ListModelPackages", "sagemaker:UpdateModelPackage",
    "sagemaker:CreateProcessingJob", "sagemaker:DescribeProcessingJob",
    "scheduler:CreateSchedule", "scheduler:DeleteSchedule", "scheduler:ListSchedules", "cloudwatch:GetMetricData",
    "servicequotas:ListServiceQuotas", "servicequotas:ListAWSDefaultServiceQuotas",
    *(f"sagemaker:List{kind}" for kind in ("Endpoints", "EndpointConfigs", "Models", "TrainingJobs", "TransformJobs",
                                           "HyperParameterTuningJobs", "ProcessingJobs")),
    "sagemaker:UpdateTrainingJob", "sagemaker:StopHyperParameterTuningJob",
}  # fmt: skip


USER = ("user-policy.json", "user-policy-endpoints.json")


def statements(*names: str) -> list[dict[str, Any]]:
    return [each for name in names for each in json.loads((IAM / name).read_text())["Statement"]]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def arn_formats(action: str) -> list[str]:
    """The ARN formats of the resources of *action* in AWS's service authorization reference."""
    service, name = action.split(":")
    return [entry["resource_arn_format"] for entry in get_action_data(service, name)[service]]


def resources(action: str, parameters: dict[str, Any]) -> list[str]:
    """The ARNs of the resources that the call's *parameters* name."""
    if "AlarmNames" in parameters:
        return [arn for name in parameters["AlarmNames"] for arn in resources(action, {"AlarmName": name})]
    if "ResourceArn" in parameters:
        return [parameters["ResourceArn"]]
    values: dict[str, Any] = {"Partition": "aws", "Region": REGION, "Account": DEFAULT_ACCOUNT_ID}
    values |= {name[0].upper() + name[1:]: value for name, value in parameters.items()}
    values |= {"BucketName": parameters.get("Bucket"), "ObjectName": parameters.get("Key")}
    if named := [
        parameters[key] for key in ("ResourceArn", "ModelPackageArn", "ModelPackageName") if key in parameters
    ]:
        return named  # by its ARN
    if "ModelPackageGroupName" in parameters:  # a version is a resource of its own, below its group's name
        values["ModelPackageName"] = f"{parameters['ModelPackageGroupName']}/1"
    values |= {"ScheduleName": parameters.get("Name"), "GroupName": parameters.get("GroupName", "default")}
    names = [(arn, re.findall(r"\$\{(\w+)\}", arn)) for arn in arn_formats(action)]
    return [
        re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], arn)
        for arn, placeholders in names
        if all(values.get(name) for name in placeholders)
    ]


def allows(policies: Sequence[str], action: str, resource: str) -> bool:
    return any(
        action in listed(statement["Action"])
        and any(fnmatchcase(resource, pattern) for pattern in listed(statement["Resource"]))
        for statement in statements(*policies)
    )


def permission(name: str) -> str:
    """The permission for an operation with the name that its requests are signed for, such as s3:HeadBucket."""
    service, operation = name.split(":")
    return PERMISSION.get(name, f"{PREFIX.get(service, service)}:{operation}")


def denied(calls: list[tuple[str, dict[str, Any]]]) -> list[tuple[str, str]]:
    """The actions and resources of recorded calls that the user's policy does not allow."""
    found = []
    for name, parameters in calls:
        action = permission(name)
        about = resources(action, parameters)
        assert about, (action, parameters)
        # "*" beside a resource type stands for condition keys only
        asked = [(action, arn) for arn in about if arn != "*"] or [(action, "*")]
        passed = parameters | parameters.get("Target", {})
        asked += [("iam:PassRole", passed[key]) for key in ("RoleArn", "ExecutionRoleArn") if key in passed]
        found += [(what, where) for what, where in asked if not allows(USER, what, where)]
    return found


def test_user_policy_is_what_the_commands_call(cloud: Cloud) -> None:
    # a bucket that does not exist, so that every call is made
    for done in (
        cloud.train("--bucket", "sagemaker-iam-test", "--yes"),
        cloud.deploy("traffic-signs-iam"),
        cloud.run("delete_endpoint", "traffic-signs-iam"),
    ):
        assert done.returncode == 0, done.stderr
    assert not denied(cloud.calls())
    called = {permission(name) for name, _ in cloud.calls()}
    allowed = {action for statement in statements(*USER) for action in statement["Action"]}
    unused = {action for action in allowed - called - IMPLIED - BY_HAND - ELSEWHERE if not action.startswith("ecr:")}
    assert not unused


def test_a_call_beyond_the_policy_is_found() -> None:
    role = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/admin"
    model = f"arn:aws:sagemaker:{REGION}:{DEFAULT_ACCOUNT_ID}:model/another"
    call = ("sagemaker:CreateModel", {"ModelName": "another", "ExecutionRoleArn": role})
    assert denied([call]) == [("sagemaker:CreateModel", model), ("iam:PassRole", role)]


@pytest.mark.parametrize("name", USER)
def test_a_users_policy_is_short_enough_for_a_managed_policy(name: str) -> None:
    """IAM counts the characters that are not white space, in JSON without any: 6,144 at most."""
    assert len(json.dumps(json.loads((IAM / name).read_text()), separators=(",", ":"))) <= 6144


@pytest.mark.parametrize("name", [*USER, "execution-role-policy.json", "scheduler-role-policy.json"])
def test_every_action_exists_and_fits_its_resources(name: str) -> None:
    """A policy with a misspelt action, or with the ARN of another type, is valid and allows nothing."""
    for statement in statements(name):
        for action in listed(statement["Action"]):
            patterns = [re.sub(r"\$\{\w+\}", "*", arn) for arn in arn_formats(action)]
            assert patterns, action
            for resource in listed(statement["Resource"]):
                if resource == "*":
                    assert patterns == ["*"], f"{action} can be bound to {patterns}"
            assert any(
                _overlap(pattern, resource) for pattern in patterns for resource in listed(statement["Resource"])
            ), (action, patterns)


@cache
def _overlap(one: str, other: str) -> bool:
    """Return whether some text matches both patterns, in which * matches any text."""
    if "*" in (one[:1], other[:1]):
        return bool(
            (one[:1] == "*" and (_overlap(one[1:], other) or (other and _overlap(one, other[1:]))))
            or (other[:1] == "*" and (_overlap(one, other[1:]) or (one and _overlap(one[1:], other))))
        )
    return one[:1] == other[:1] and (not one or _overlap(one[1:], other[1:]))


@pytest.mark.parametrize("path", sorted(IAM.glob("*.json")), ids=lambda path: path.stem)
def test_no_statement_is_wide(path: Path) -> None:
    seen = set()
    for statement in statements(path.name):
        assert not any("*" in action for action in listed(statement["Action"]))
        assert statement["Sid"].isalnum()
        seen.add(statement["Sid"])
    assert len(seen) == len(statements(path.name))
