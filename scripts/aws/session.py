"""Who we are at AWS: credentials and region, checked once, and the SDK session made of them.

profile, environment -> Account(boto, region, number) -> SageMaker's own Session
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
"""What every name and S3 key made here begins with, so that an IAM policy can be narrow."""

SDK_DEFAULTS = {
    # the SDK otherwise reports every call to its makers
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
    """An AWS account that answered: its clients' session, its region, its twelve digits."""

    boto: boto3.Session
    region: str
    number: str


@contextlib.contextmanager
def clear_errors(service: str = "", then: str = "") -> Iterator[None]:
    """Turn what AWS, botocore and boto3 raise inside the block into one line that names the fix.

    Args:
        service: as IAM's actions call it, such as `ecr`, where only one is called.
        then: what is still to be done about what was begun; said after Ctrl-C too.

    Raises:
        Failure: in place of any error of theirs and, with *then*, of Ctrl-C.
    """
    try:
        yield
    except S3UploadFailedError as error:  # raised in place of S3's own error, while that is handled
        raise Failure(_after(_words(error.__context__ or error, service), then)) from error
    except (BotoCoreError, ClientError) as error:
        raise Failure(_after(_words(error, service), then)) from error
    except KeyboardInterrupt as error:
        if not then:
            raise
        raise Failure(_after("interrupted", then)) from error


def _after(words: str, then: str) -> str:
    return f"{words}; {then}" if then else words


def _words(error: BaseException, service: str) -> str:
    match error:
        case ClientError():
            return _of_aws(error, service)
        case NoCredentialsError() | PartialCredentialsError() | ProfileNotFound():
            return f"no AWS credentials: {error}; `aws configure sso` or AWS_PROFILE helps"
        case SSOError() | TokenRetrievalError():
            return f"the AWS login has expired: {error}; log in again, as with `aws sso login`"
        case NoRegionError():
            return "no AWS region; set AWS_DEFAULT_REGION, as in AWS_DEFAULT_REGION=us-east-1"
        case EndpointConnectionError():
            return f"no answer from AWS: {error}; check the name of the region and the network"
        case _:
            return f"AWS{service and f' {service}'} could not be asked: {error}"


def _of_aws(error: ClientError, service: str) -> str:
    code, text = error.response["Error"].get("Code", ""), " ".join(error.response["Error"].get("Message", "").split())
    action = f"{service}:{error.operation_name}" if service else error.operation_name
    if code in _EXPIRED:
        return "the AWS login has expired; log in again, as with `aws sso login`"
    if code in _UNKNOWN:
        return f"AWS does not know these credentials ({code}); check AWS_PROFILE and the keys"
    if code in _DENIED:
        # not always that of the call: for CreateTrainingJob it may be iam:PassRole or sagemaker:AddTags
        missing = re.search(r"not authorized to perform: ([\w-]+:\w+)", text)
        permission = missing[1] if missing else action
        return f"these credentials lack the permission {permission}; compare scripts/iam/user-policy.json ({text})"
    if code == "ResourceLimitExceeded":
        return f"the account's quota is used up: ask for more under Service Quotas, SageMaker ({text})"
    return f"{action}: {code}: {text}"


def connect(region: str | None = None) -> Account:
    """Ask AWS who we are, in *region* or else the one that is configured.

    Raises:
        Failure: no credentials, no region, an expired login, no answer.
    """
    with clear_errors("sts"):
        boto = boto3.Session(region_name=region)
        if not boto.region_name:
            raise NoRegionError
        return Account(boto, boto.region_name, boto.client("sts").get_caller_identity()["Account"])


def sdk(account: Account) -> Any:
    """Return a sagemaker.session.Session of *account*; needs the environment .venv-sdk-v2."""
    quiet_sdk()
    from sagemaker.session import Session  # noqa: PLC0415 # where only boto3 is installed, the rest must still work

    return with_defaults(Session, account.boto)


def with_defaults(kind: Any, boto: boto3.Session) -> Any:
    """Return a session of *kind*, which is one of SDK v2's, with SDK_DEFAULTS."""
    from sagemaker import utils  # noqa: PLC0415 # as above

    # the session checks them; the SDK does it again, and its schema too, for each value that they might hold
    utils.validate_sagemaker_config = lambda _: None
    return kind(boto, sagemaker_config=SDK_DEFAULTS)


def quiet_sdk() -> None:
    """Keep the SDK's greetings off the screen; call it before the SDK is imported."""
    os.environ.setdefault("SAGEMAKER_SUPPRESS_V2_WARNING", "1")
    logging.getLogger("sagemaker.config").setLevel(logging.WARNING)


def need_sdk(major: int) -> None:
    """Say at once, and not when data has been uploaded, that the environment is the wrong one.

    Raises:
        Failure: it does not have version *major* of SageMaker's SDK.
    """
    with contextlib.suppress(metadata.PackageNotFoundError):
        if metadata.version("sagemaker").startswith(f"{major}."):
            return
    folder = f".venv-sdk-v{major}"
    raise Failure(
        f"this needs SageMaker's SDK version {major}: run it by {folder}/bin/python (make {folder}/installed)"
    )


def pairs(texts: tuple[str, ...]) -> dict[str, str]:
    """Take KEY=VALUE options apart.

    Raises:
        Failure: one of them has no equals sign.
    """
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        raise Failure(f"{wrong[0]!r} is not KEY=VALUE")
    return {key: value for key, _, value in (text.partition("=") for text in texts)}
