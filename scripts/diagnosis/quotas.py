"""Codes of quotas: an increase is asked for by code, and AWS's message has only the name.

evidence with a name, such as ml.c5.large for endpoint usage -> Service Quotas -> evidence with code and value
"""

import re
from dataclasses import replace
from typing import Any

from scripts.diagnosis.evidence import Evidence, Line

_NAME = re.compile(r"service limit '(?P<name>[^']+)'")
_SERVICE = "sagemaker"
_OPERATIONS = ("list_service_quotas", "list_aws_default_service_quotas")
"""The account's own values, which lack quotas that have AWS's default only; then these."""


def with_code(evidence: Evidence, boto: Any = None) -> Evidence:
    """Add code and value of the quota that *evidence* names; return it unchanged if it names none or nobody may look.

    Args:
        evidence: What is known.
        boto: The login; by default that of the environment, if it has one. Only List calls are made, and only if a
            quota is named.
    """
    names = [found["name"] for line in evidence.lines if (found := _NAME.search(line.text))]
    if not names or not (boto := boto or _login()) or not (quota := _find(boto, names[0])):
        return evidence
    text = f"quota {names[0]}: code {quota['QuotaCode']}, value {quota['Value']:g} in {boto.region_name}"
    if not quota.get("Adjustable", True):
        text += ", which AWS does not raise"
    return replace(evidence, lines=(*evidence.lines, Line("service quotas", text)))


def _login() -> Any:
    """Return the environment's login, None if it has no credentials or no region."""
    import boto3  # slow, and a log mostly names no quota
    from botocore.exceptions import BotoCoreError  # as above

    try:
        boto = boto3.Session()
        return boto if boto.region_name and boto.get_credentials() else None
    except BotoCoreError:  # an unknown profile
        return None


def _find(boto: Any, name: str) -> dict[str, Any] | None:
    from botocore.config import Config  # as above
    from botocore.exceptions import BotoCoreError, ClientError  # as above

    # SageMaker has thousands of quotas, a hundred a page, and AWS allows few calls a second
    client = boto.client("service-quotas", config=Config(retries={"mode": "adaptive", "max_attempts": 10}))
    for operation in _OPERATIONS:
        try:
            for page in client.get_paginator(operation).paginate(ServiceCode=_SERVICE):
                for quota in page["Quotas"]:
                    if quota["QuotaName"] == name:
                        return dict(quota)
        except (BotoCoreError, ClientError):  # the diagnosis holds without it
            continue
    return None
