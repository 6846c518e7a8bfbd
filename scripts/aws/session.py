"""AWS account and SageMaker session, and readable messages for AWS errors.

profile, environment -> Account(boto, region, id) -> SageMaker's own Session
"""

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scripts import dry_run
from scripts.errors import Failure, Interrupted, errors_of_aws, from_aws

if TYPE_CHECKING:
    import boto3

PREFIX = "traffic-signs"
"""Prefix of every name and S3 key that the commands create, so that IAM policies can be narrow."""

SDK_DEFAULTS = {
    # the SDK would report every call to AWS
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


@dataclass(frozen=True)
class Account:
    """An AWS account whose credentials work.

    Attributes:
        boto: Session that makes the clients.
        region: Region of the clients.
        id: The account's twelve digits.
    """

    boto: "boto3.Session"
    region: str
    id: str


@contextlib.contextmanager
def readable_errors(service: str = "", next_step: str = "", *, starts: bool = False) -> Iterator[None]:
    """Turn errors of AWS, botocore and boto3 inside the block into one line that names the fix.

    Args:
        service: Prefix of IAM's actions, such as `ecr`, if the block calls one service only.
        next_step: What the user still has to do about resources that were created; ends the message, also after Ctrl-C.
        starts: The block is one request that starts something; if AWS refuses it, there is no next step.

    Raises:
        Failure: in place of errors about credentials and region.
        OperationError: in place of the other errors.
        Interrupted: in place of Ctrl-C.
    """
    try:
        yield
    except errors_of_aws() as error:  # Python calls this only when there is an error
        # the context of an upload's error is S3's own
        cause = error.__context__ if type(error).__name__ == "S3UploadFailedError" else None
        is_refused = type(error).__name__ == "ParamValidationError" or _status(error) // 100 == 4
        raise from_aws(cause or error, service, "" if starts and is_refused else next_step) from error
    except KeyboardInterrupt as error:
        if not next_step:  # a block around this one, or Command, knows what exists
            raise
        raise Interrupted(f"interrupted; {next_step}") from error


def _status(error: BaseException) -> int:
    """Return the HTTP status of an error of AWS, 0 if there was no answer."""
    response: dict[str, Any] = getattr(error, "response", {})
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def connect(region: str | None = None) -> Account:
    """Look up the account of the credentials; *region* overrides the configured one.

    Raises:
        Failure: credentials or region are missing, the login has expired, or AWS does not answer.
    """
    from botocore.exceptions import NoRegionError

    with readable_errors("sts"):
        boto = boto_session(region)
        if not boto.region_name:
            raise NoRegionError
        return Account(boto, boto.region_name, boto.client("sts").get_caller_identity()["Account"])


def boto_session(region: str | None = None) -> "boto3.Session":
    """Return a session of boto3 with the user's login; in a dry run it sends no request that changes something."""
    import boto3

    boto = boto3.Session(region_name=region)
    if recorder := dry_run.recorder():
        recorder.attach(boto)
    return boto


def sagemaker_session(account: Account) -> Any:
    """Return a sagemaker.session.Session of *account*; needs the environment .venv-sdk-v2."""
    quiet_sdk()
    from sagemaker.session import Session

    return create_sdk_session(Session, account.boto)


def create_sdk_session(session_class: Any, boto: "boto3.Session") -> Any:
    """Return a session of *session_class*, one of SDK v2's, with SDK_DEFAULTS."""
    from sagemaker import utils

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
    from importlib import metadata

    with contextlib.suppress(metadata.PackageNotFoundError):
        if metadata.version("sagemaker").startswith(f"{major}."):
            return
    folder = f".venv-sdk-v{major}"
    raise Failure(
        f"this command needs version {major} of SageMaker's SDK: run make {folder}/installed, then {folder}/bin/python"
    )
