"""What SageMaker refuses about endpoints: requests against botocore's model, and rules of the documents.

API: API reference, of the page named. DG: developer guide, of the page named. Messages are AWS's where one is public
(terraform-provider-aws, reports of users), else they name the rule.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.validate import ParamValidator
from moto.sagemaker.exceptions import ValidationError

from tests.aws.account import limits

IN_PROGRESS = ("Creating", "Updating", "SystemUpdating", "RollingBack")


def refuse_unless(condition: object, message: str) -> None:
    if not condition:
        raise ValidationError(message)


@cache
def _sagemaker() -> Any:
    return botocore.session.get_session().get_service_model("sagemaker")


def check_model(operation: str, parameters: Mapping[str, Any]) -> None:
    """Names, required members, types, ranges, patterns: botocore's model of *operation*."""
    report = ParamValidator().validate(parameters, _sagemaker().operation_model(operation).input_shape)
    refuse_unless(not report.has_errors(), f"1 validation error detected: {report.generate_report()}")
    found = limits.violations(f"sagemaker:{operation}", parameters)
    refuse_unless(not found, f"{len(found)} validation error detected: {'; '.join(found)}")


def check_idle(arn: str, status: str, *, deletion: bool = False) -> None:
    """API DescribeEndpoint, EndpointStatus: what may be done in each status."""
    refuse_unless(status not in (*IN_PROGRESS, "Deleting"), f'Cannot update in-progress endpoint "{arn}".')
    # "DeleteEndpoint is the only operation that can be performed on a failed endpoint"
    refuse_unless(deletion or status not in ("Failed", "OutOfService"), f'Cannot update endpoint "{arn}": {status}.')


def check_deployment(old: Mapping[str, Any], new: Mapping[str, Any], deployment: Mapping[str, Any]) -> None:
    """API DeploymentConfig and the shapes in it; DG "Deployment guardrails", "Exclusions", "Use rolling deployments".

    Args:
        old: CreateEndpointConfig's request of the endpoint as it is.
        new: Of the configuration that it is to have.
        deployment: DeploymentConfig of the request, {} for none.
    """
    variants = new["ProductionVariants"]
    names = [[variant["VariantName"] for variant in each["ProductionVariants"]] for each in (old, new)]
    # "your new endpoint configuration must have the same variant name as the old endpoint configuration"
    refuse_unless(not deployment or names[0] == names[1], "The variant names of the endpoint configurations differ.")
    blue_green, rolling = deployment.get("BlueGreenUpdatePolicy"), deployment.get("RollingUpdatePolicy")
    # "Only one update policy should be used in the deployment configuration"
    refuse_unless(not (blue_green and rolling), "Specify one of BlueGreenUpdatePolicy and RollingUpdatePolicy.")
    # "Deployment guardrails only apply to Asynchronous inference and Real-time inference endpoint types"
    serverless = any("ServerlessConfig" in variant for variant in variants)
    refuse_unless(not (serverless and deployment), "DeploymentConfig is not supported for serverless endpoints.")
    instances = sum(variant.get("InitialInstanceCount", 0) for variant in variants)
    if blue_green:
        _check_blue_green(blue_green, instances)
    if rolling:
        # of the "additional feature-based exclusions" this is the second
        several = len(variants) + len(new.get("ShadowProductionVariants", [])) > 1
        refuse_unless(not several, "RollingUpdatePolicy is not supported for multi-variant endpoints.")
        # as documented: between 5% to 50% of the variant's total instance count
        _check_size("MaximumBatchSize", rolling["MaximumBatchSize"], 5, 50, instances)
        if "RollbackMaximumBatchSize" in rolling:
            _check_size("RollbackMaximumBatchSize", rolling["RollbackMaximumBatchSize"], 1, 100, instances)
        _check_timeout(rolling, rolling["WaitIntervalInSeconds"])


def _check_blue_green(policy: Mapping[str, Any], instances: int) -> None:
    routing = policy["TrafficRoutingConfiguration"]
    sizes = {"CANARY": ("CanarySize", 0, 50), "LINEAR": ("LinearStepSize", 10, 50)}
    for kind, (member, least, most) in sizes.items():
        given = member in routing
        refuse_unless(given == (routing["Type"] == kind), f"{member} is required for {kind} and for nothing else.")
        if given:  # "less than or equal to 50%" and "10-50% of the variant's total instance count"
            _check_size(member, routing[member], least, most, instances)
    # "the timeout value should be larger than the total waiting time specified in TerminationWaitInSeconds and
    # WaitIntervalInSeconds"
    _check_timeout(policy, policy.get("TerminationWaitInSeconds", 0) + routing["WaitIntervalInSeconds"])


def _check_timeout(policy: Mapping[str, Any], waiting: int) -> None:
    limit = policy.get("MaximumExecutionTimeoutInSeconds", waiting + 1)
    refuse_unless(limit > waiting, f"MaximumExecutionTimeoutInSeconds {limit} is not larger than the waits, {waiting}.")


def _check_size(member: str, size: Mapping[str, Any], least: int, most: int, instances: int) -> None:
    """A step is of whole instances ("The endpoint activates based on the number of instances"), so at least one."""
    count = batch(size, instances)
    percent = size["Value"] if size["Type"] == "CAPACITY_PERCENT" else 100 * count / instances
    fits = least <= percent <= most and 100 * count <= most * instances
    refuse_unless(fits, f"{member} must be {least} to {most} % of {instances} instances, not {size}.")


def batch(size: Mapping[str, Any], instances: int) -> int:
    """Return the number of instances in a CapacitySize, at least one; AWS does not document its rounding."""
    value: int = size["Value"]
    return max(1, value if size["Type"] == "INSTANCE_COUNT" else instances * value // 100)
