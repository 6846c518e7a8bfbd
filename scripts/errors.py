"""Errors that end a command with a one-line message, and its exit code.

2   Failure: the command line, its files or the login are wrong; nothing was tried
1   OperationError: AWS, a job, an endpoint, a registry or the Docker engine failed or refused
130 Interrupted: Ctrl-C
"""

import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

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


class Failure(click.ClickException):
    """An error that ends the command with one line and exit code 2."""

    exit_code = 2


class Interrupted(Failure):
    """Ctrl-C; the message says what exists."""

    exit_code = 130


class OperationError(Failure):
    """AWS, a job, an endpoint, a registry or the Docker engine failed or refused what it was asked for."""

    exit_code = 1


class EndpointError(OperationError):
    """An error that the endpoint returned for a request."""


def errors_of_aws() -> tuple[type[Exception], ...]:
    """Return the errors of AWS, botocore and boto3's uploads; others of boto3 are botocore's."""
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError

    return BotoCoreError, ClientError, S3UploadFailedError


def is_missing(error: "ClientError") -> bool:
    """Return whether SageMaker says that what was asked for does not exist: only the text tells it."""
    return "could not find" in error.response["Error"].get("Message", "").lower()


def from_aws(error: BaseException, service: str, next_step: str = "") -> Failure:
    """Return an error of AWS, botocore or boto3 as one line that names the fix: misuse if login or region are missing.

    Args:
        error: One of `errors_of_aws`.
        service: Prefix of IAM's actions, such as `ecr`; empty if that is unknown.
        next_step: What the user has to do besides; ends the line.
    """
    from botocore import exceptions as aws

    message = " ".join(_describe(error, service).split())  # botocore and proxies write several lines
    missing = (aws.NoCredentialsError, aws.PartialCredentialsError, aws.ProfileNotFound, aws.NoRegionError)
    kind = Failure if isinstance(error, missing) else OperationError
    return kind(f"{message}; {next_step}" if next_step else message)


def _describe(error: BaseException, service: str) -> str:
    from botocore import exceptions as aws

    match error:
        case aws.ClientError():
            return _describe_client_error(error, service)
        case aws.NoCredentialsError() | aws.PartialCredentialsError() | aws.ProfileNotFound():
            return f"no AWS credentials: {error}; run `aws configure sso` or set AWS_PROFILE"
        case aws.SSOError() | aws.TokenRetrievalError():
            return f"the AWS login has expired: {error}; log in again, for example with `aws sso login`"
        case aws.NoRegionError():
            return "no AWS region; set AWS_DEFAULT_REGION, for example AWS_DEFAULT_REGION=us-east-1"
        case aws.EndpointConnectionError():
            return f"no answer from AWS: {error}; check the region's name and the network"
        case _:
            return f"cannot call AWS{service and f' {service}'}: {error}"


def _describe_client_error(error: "ClientError", service: str) -> str:
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
        return f"these credentials lack the permission {permission}; compare scripts/iam/user-policy*.json ({text})"
    if code == "ResourceLimitExceeded":
        name = re.search(r"service limit '([^']+)'", text)
        query = f" --query \"Quotas[?QuotaName=='{name[1]}'].QuotaCode\"" if name else ""
        find = f"aws service-quotas list-service-quotas --service-code sagemaker{query}"
        return f"the account's quota is used up; request an increase, by the code that this finds: {find} ({text})"
    return f"{action}: {code}: {text}"
