"""AWS account and SageMaker session, and readable messages for AWS errors.

profile, environment -> Account(boto, region, id) -> SageMaker's own Session
"""

import contextlib
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import boto3
from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from scripts.errors import Failure

PREFIX = "traffic-signs"
"""Prefix of every name and S3 key that the commands create, so that IAM policies can be narrow."""

SDK_DEFAULTS = {
    # the SDK would report every call to AWS
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_UNKNOWN = {
    "AuthFailure",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_DENIED = {"403", "AccessDenied", "AccessDeniedException", "UnauthorizedOperation"}


@dataclass(frozen=True)
class Account:
    """An AWS account whose credentials work.

    Attributes:
        boto: Session that makes the clients.
        region: Region of the clients.
        id: The account's twelve digits.
    """

    boto: boto3.Session
    region: str
    id: str


@contextlib.contextmanager
def readable_errors(service: str = "", next_step: str = "") -> Iterator[None]:
    """Turn errors of AWS, botocore and boto3 inside the block into one line that names the fix.

    Args:
        service: Prefix of IAM's actions, such as `ecr`, if the block calls one service only.
        next_step: What the user still has to do about resources that were created; ends the message, also after Ctrl-C.

    Raises:
        Failure: in place of these errors and, with *next_step*, of Ctrl-C.
    """
    try:
        yield
    except S3UploadFailedError as error:  # its context is S3's own error
        raise _failure(_describe(error.__context__ or error, service), next_step) from error
    except (BotoCoreError, ClientError) as error:
        raise _failure(_describe(error, service), next_step) from error
    except KeyboardInterrupt as error:
        if not next_step:
            raise
        raise _failure("interrupted", next_step) from error


def _failure(message: str, next_step: str) -> Failure:
    return Failure(f"{message}; {next_step}" if next_step else message)


def _describe(error: BaseException, service: str) -> str:
    match error:
        case ClientError():
            return _describe_client_error(error, service)
        case NoCredentialsError() | PartialCredentialsError() | ProfileNotFound():
            return f"no AWS credentials: {error}; run `aws configure sso` or set AWS_PROFILE"
        case SSOError() | TokenRetrievalError():
            return f"the AWS login has expired: {error}; log in again, for example with `aws sso login`"
        case NoRegionError():
            return "no AWS region; set AWS_DEFAULT_REGION, for example AWS_DEFAULT_REGION=us-east-1"
        case EndpointConnectionError():
            return f"no answer from AWS: {error}; check the region's name and the network"
        case _:
            return f"cannot call AWS{service and f' {service}'}: {error}"


def _describe_client_error(error: ClientError, service: str) -> str:
    code, text = error.response["Error"].get("Code", ""), " ".join(error.response["Error"].get("Message", "").split())
    action = f"{service}:{error.operation_name}" if service else error.operation_name
    if code in _EXPIRED:
        return "the AWS login has expired; log in again, for example with `aws sso login`"
    if code in _UNKNOWN:
        return f"AWS does not know these credentials ({code}); check AWS_PROFILE and the keys"
    if code in _DENIED:
        # not always the called action: CreateTrainingJob may lack iam:PassRole or sagemaker:AddTags
        missing = re.search(r"not authorized to perform: ([\w-]+:\w+)", text)
        permission = missing[1] if missing else action
        return f"these credentials lack the permission {permission}; compare scripts/iam/user-policy.json ({text})"
    if code == "ResourceLimitExceeded":
        name = re.search(r"service limit '([^']+)'", text)
        query = f" --query \"Quotas[?QuotaName=='{name[1]}'].QuotaCode\"" if name else ""
        find = f"aws service-quotas list-service-quotas --service-code sagemaker{query}"
        return f"the account's quota is used up; request an increase, by the code that this finds: {find} ({text})"
    return f"{action}: {code}: {text}"


def connect(region: str | None = None) -> Account:
    """Look up the account of the credentials; *region* overrides the configured one.

    Raises:
        Failure: credentials or region are missing, the login has expired, or AWS does not answer.
    """
    with readable_errors("sts"):
        boto = boto3.Session(region_name=region)
        if not boto.region_name:
            raise NoRegionError
        return Account(boto, boto.region_name, boto.client("sts").get_caller_identity()["Account"])


def sagemaker_session(account: Account) -> Any:
    """Return a sagemaker.session.Session of *account*; needs the environment .venv-sdk-v2."""
    quiet_sdk()
    from sagemaker.session import Session  # noqa: PLC0415 # the other functions work with boto3 alone

    return create_sdk_session(Session, account.boto)


def create_sdk_session(session_class: Any, boto: boto3.Session) -> Any:
    """Return a session of *session_class*, one of SDK v2's, with SDK_DEFAULTS."""
    from sagemaker import utils  # noqa: PLC0415 # as above

    # the session validates the defaults; the SDK would validate them and its schema again for each value
    utils.validate_sagemaker_config = lambda _: None
    return session_class(boto, sagemaker_config=SDK_DEFAULTS)


def quiet_sdk() -> None:
    """Silence the SDK's start-up messages; call it before the SDK is imported."""
    os.environ.setdefault("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
    logging.getLogger("sagemaker.config").setLevel(logging.WARNING)


def require_sdk(major: int) -> None:
    """Check the environment at the start of a command, before data is uploaded.

    Raises:
        Failure: the environment lacks version *major* of SageMaker's SDK.
    """
    with contextlib.suppress(metadata.PackageNotFoundError):
        if metadata.version("sagemaker").startswith(f"{major}."):
            return
    folder = f".venv-sdk-v{major}"
    raise Failure(
        f"this command needs version {major} of SageMaker's SDK: run make {folder}/installed, then {folder}/bin/python"
    )


def parse_pairs(texts: tuple[str, ...]) -> dict[str, str]:
    """Parse KEY=VALUE options.

    Raises:
        Failure: an option has no equals sign.
    """
    invalid = [text for text in texts if "=" not in text]
    if invalid:
        raise Failure(f"{invalid[0]!r} is not KEY=VALUE")
    return {key: value for key, _, value in (text.partition("=") for text in texts)}
