"""Upload of data folders to S3, which skips files that are already there.

The key contains the SHA-256 of the content:

folder -> s3://bucket/traffic-signs/inputs/SHA-256/files
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from scripts.aws.session import PREFIX, Account
from scripts.errors import Failure, OperationError


class FolderOrUri(click.Path):
    """Type of an option: a folder that exists here, or the URI of one in S3."""

    name = "folder or S3 URI"

    def convert(self, value: Any, parameter: click.Parameter | None, context: click.Context | None) -> Any:
        """Return the URI as text, the folder as Path."""
        if not str(value).startswith("s3:"):
            return super().convert(value, parameter, context)
        require_uri(str(value), "", str(parameter and parameter.opts[0]))
        return value


def require_uri(uri: str, of: str, option: str) -> None:
    """Reject what is no URI of S3, which AWS would refuse when other resources exist already.

    Args:
        uri: What the user gave.
        of: What comes after the bucket; "" if that may be left out.
        option: Name of the option.

    Raises:
        Failure: it has no bucket, or no key where there must be one.
    """
    if not re.fullmatch(r"s3://[^/\s]+/\S.*" if of else r"s3://[^/\s]+(/.*)?", uri):
        raise Failure(f"{option} {uri}: expected s3://BUCKET/{of or 'FOLDER'}")


FOLDER_OR_URI = FolderOrUri(exists=True, file_okay=False, path_type=Path)


def default_bucket(account: Account) -> str:
    """Return the name of the bucket that SageMaker's own tools use."""
    return f"sagemaker-{account.region}-{account.id}"


def upload(account: Account, bucket: str, folders: Mapping[str, Path | str]) -> dict[str, str]:
    """Upload the folders that are not in *bucket* yet; create the bucket if it is missing.

    Args:
        account: Account of the bucket.
        bucket: Name of the bucket.
        folders: Channel -> folder, or the URI of one that is in S3 already.

    Returns:
        Channel -> S3 URI.

    Raises:
        Failure: a folder is empty.
        OperationError: the bucket belongs to another account.
        botocore.exceptions.ClientError: any other error of S3.
    """
    client = account.boto.client("s3")
    exists = _ensure_bucket(client, bucket, account)
    return {
        channel: folder if isinstance(folder, str) else _upload_folder(client, bucket, folder, exists=exists)
        for channel, folder in folders.items()
    }


def _ensure_bucket(client: Any, bucket: str, account: Account) -> bool:
    """Create the bucket if it is missing; return whether it existed."""
    # somebody else may have taken the predictable default name, with write access for all; the SDK checks this too
    owner = {"ExpectedBucketOwner": account.id} if bucket == default_bucket(account) else {}
    try:
        client.head_bucket(Bucket=bucket, **owner)
    except client.exceptions.ClientError as error:
        if error.response["Error"]["Code"] == "403":
            raise OperationError(
                f"no access to bucket {bucket}, or another account owns it; choose one with --bucket"
            ) from error
        if error.response["Error"]["Code"] != "404":
            raise
        # S3 rejects us-east-1 as a location constraint
        constraint = {"CreateBucketConfiguration": {"LocationConstraint": account.region}}
        client.create_bucket(Bucket=bucket, **({} if account.region == "us-east-1" else constraint))
        click.echo(f"created bucket {bucket}")
        return False
    return True


def _upload_folder(client: Any, bucket: str, folder: Path, *, exists: bool) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise Failure(f"{folder} has no files; prepare the data first with make data")
    prefix = f"{PREFIX}/inputs/{_digest(folder, files)}/"
    # S3 writes objects atomically, so the names suffice after an interrupted upload
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix) if exists else ()
    uploaded = {item["Key"] for page in pages for item in page.get("Contents", [])}
    missing = [path for path in files if prefix + path.relative_to(folder).as_posix() not in uploaded]
    uri = f"s3://{bucket}/{prefix}"
    if not missing:
        click.echo(f"unchanged: {folder} is at {uri}")
        return uri
    with click.progressbar(missing, label=f"{folder} to {uri}") as bar:
        for path in bar:
            client.upload_file(str(path), bucket, prefix + path.relative_to(folder).as_posix())
    return uri


def _digest(folder: Path, files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()
