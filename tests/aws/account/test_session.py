"""Errors of AWS and its libraries become one readable line."""

from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from scripts.aws.session import readable_errors
from scripts.errors import Failure
from tests.aws.cloud import Cloud

USER = "User: arn:aws:sts::111122223333:assumed-role/a/b is not authorized to perform:"


@pytest.mark.parametrize(
    ("code", "text", "words"),
    [
        ("AccessDeniedException", f"{USER} iam:PassRole on resource: r", "lack the permission iam:PassRole;"),
        ("AccessDeniedException", f"{USER} sagemaker:AddTags on resource: r", "lack the permission sagemaker:AddTags;"),
        ("AccessDenied", f"{USER} application-autoscaling:A on resource: r", "permission application-autoscaling:A;"),
        ("AccessDenied", "Access Denied", "lack the permission sagemaker:CreateTrainingJob;"),
        ("ExpiredTokenException", "expired", "the AWS login has expired; log in again"),
        ("ResourceLimitExceeded", "limit is 0 Instances", "quota is used up"),
        ("ResourceLimitExceeded", "service limit 'a for b usage' is 0", "[?QuotaName=='a for b usage'].QuotaCode"),
    ],
)
def test_an_answer_of_aws_names_the_fix(code: str, text: str, words: str) -> None:
    with pytest.raises(Failure) as caught, readable_errors("sagemaker", "then do this"):
        raise ClientError({"Error": {"Code": code, "Message": text}}, "CreateTrainingJob")
    assert words in caught.value.message
    assert caught.value.message.endswith("; then do this")


@pytest.mark.parametrize(("service", "words"), [("", "cannot call AWS: "), ("s3", "cannot call AWS s3: ")])
def test_any_other_error_names_the_service_if_there_is_one(service: str, words: str) -> None:
    with pytest.raises(Failure, match=f"^{words}"), readable_errors(service):
        raise BotoCoreError


def test_an_upload_that_s3_refuses_is_told_with_its_cause(cloud: Cloud, tmp_path: Path) -> None:
    """boto3 raises its own exception for it."""
    file = tmp_path / "file"
    file.write_bytes(b"content")
    with pytest.raises(Failure, match="s3:PutObject: NoSuchBucket: "), readable_errors("s3"):
        cloud.s3.upload_file(str(file), "sagemaker-nowhere", "key")
