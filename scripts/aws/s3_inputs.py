"""Data to S3, once: the key holds the SHA-256 of the content, so what is there need not go again.

folder -> s3://bucket/traffic-signs/inputs/SHA-256/files
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from botocore.exceptions import ClientError

from scripts.aws.session import PREFIX, Account
from scripts.errors import Failure


def default_bucket(account: Account) -> str:
    """Return the name that SageMaker's own tools use too."""
    return f"sagemaker-{account.region}-{account.number}"


def upload(account: Account, bucket: str, folders: Mapping[str, Path]) -> dict[str, str]:
    """Upload the folders that are not in *bucket* yet; make the bucket if it is missing.

    Args:
        account: Where the bucket is.
        bucket: Its name.
        folders: A folder per channel.

    Returns:
        An S3 URI per channel.

    Raises:
        Failure: an empty folder, a bucket of another account.
        botocore.exceptions.ClientError: as boto3 does.
    """
    client = account.boto.client("s3")
    _make(client, bucket, account)
    return {channel: _upload(client, bucket, folder) for channel, folder in folders.items()}


def _make(client: Any, bucket: str, account: Account) -> None:
    # anybody can guess the default name, and have made a bucket of it that lets everybody write: the SDK asks too
    owner = {"ExpectedBucketOwner": account.number} if bucket == default_bucket(account) else {}
    try:
        client.head_bucket(Bucket=bucket, **owner)
    except ClientError as error:
        if error.response["Error"]["Code"] == "403":
            raise Failure(f"bucket {bucket} is another account's, or closed to you: choose one by --bucket") from error
        if error.response["Error"]["Code"] != "404":
            raise
        # us-east-1 is the one region that may not be named
        there = account.region
        where = {} if there == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": there}}
        client.create_bucket(Bucket=bucket, **where)
        click.echo(f"made bucket {bucket}")


def _upload(client: Any, bucket: str, folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if not files:
        raise Failure(f"{folder} holds no files; make the data first (make data)")
    prefix = f"{PREFIX}/inputs/{_digest(folder, files)}/"
    # an upload that was cut off left whole objects only, so names are enough
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    there = {item["Key"] for page in pages for item in page.get("Contents", [])}
    missing = [path for path in files if prefix + path.relative_to(folder).as_posix() not in there]
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
