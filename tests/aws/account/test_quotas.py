"""The doctor looks a quota's code up where an account is there, and prints the command that finds it elsewhere."""

from pathlib import Path
from typing import Any

import pytest

from tests.aws.account.test_iam import denied
from tests.aws.cloud import REGION, Cloud
from tests.aws.fake import services

QUOTA = "ml.g4dn.xlarge for endpoint usage"
MESSAGE = (
    "botocore.errorfactory.ResourceLimitExceeded: An error occurred (ResourceLimitExceeded) when calling the"
    f" CreateEndpoint operation: The account-level service limit '{QUOTA}' is 0 Instances, with current utilization"
    " of 0 Instances and a request delta of 1 Instances."
)
INCREASE = "aws service-quotas request-service-quota-increase --service-code sagemaker"
OTHERS = [
    {"QuotaName": f"ml.p{n}.xlarge for endpoint usage", "QuotaCode": f"L-{n:08X}", "Value": 1.0} for n in range(3)
]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "container.log"
    path.write_text(MESSAGE)
    return path


def quotas(found: list[dict[str, Any]]) -> services.Operation:
    def operation(parameters: dict[str, Any]) -> dict[str, Any]:
        if parameters["ServiceCode"] != "sagemaker":
            raise services.RefusalError("NoSuchResourceException")
        return services.pages(found, parameters, "Quotas", 2)

    return operation


@pytest.mark.parametrize("own", [True, False], ids=["raised before", "AWS's default"])
def test_with_an_account_the_code_is_named(own: bool, cloud: Cloud, log: Path) -> None:
    wanted = {"QuotaName": QUOTA, "QuotaCode": "L-B67CFA0C", "Value": 0.0, "Adjustable": True}
    applied, defaults = ([*OTHERS, wanted], OTHERS) if own else (OTHERS, [*OTHERS, wanted])
    operations = {"ListServiceQuotas": quotas(applied), "ListAWSDefaultServiceQuotas": quotas(defaults)}
    with services.serving("service-quotas", **operations) as url:
        done = cloud.run("doctor", log, AWS_ENDPOINT_URL_SERVICE_QUOTAS=url)
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()[:3] == [
        f"cause     the account's quota `{QUOTA}` is used up: 0",
        f"evidence  service quotas: quota {QUOTA}: code L-B67CFA0C, value 0 in {REGION}",
        f"remedy    {INCREASE} --quota-code L-B67CFA0C --desired-value N --region {REGION}",
    ]
    assert not denied(cloud.calls())


def test_without_permission_the_command_is_printed_that_finds_it(cloud: Cloud, log: Path) -> None:
    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        raise services.RefusalError("AccessDeniedException")

    operations = {"ListServiceQuotas": refuse, "ListAWSDefaultServiceQuotas": refuse}
    with services.serving("service-quotas", **operations) as url:
        done = cloud.run("doctor", log, AWS_ENDPOINT_URL_SERVICE_QUOTAS=url)
    assert done.returncode == 1, done.stderr
    command = (
        f"""aws service-quotas list-service-quotas --service-code sagemaker --query "Quotas[?QuotaName=='{QUOTA}']"""
    )
    assert command in done.stdout


def test_a_log_that_names_no_quota_asks_nobody(cloud: Cloud, log: Path) -> None:
    log.write_text("MemoryError")
    assert cloud.run("doctor", log).returncode == 1
    assert cloud.calls() == []
