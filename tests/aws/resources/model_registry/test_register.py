"""Registering a model: what the registry then knows, and what is refused."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from scripts import register
from scripts.model_registry import registration
from tests.aws.account.test_iam import denied
from tests.aws.cloud import ACCOUNT, BUCKET, REGION, ROLE, Cloud
from tests.aws.options.test_json import FIELDS
from tests.aws.resources.model_registry.trained import DATA, IMAGE, JOB, packed, push_image, train
from tests.support.helpers import Job
from traffic_signs.serving.codec import media_types, negotiation

GROUP = "traffic-signs-registered"


def s3_bytes(cloud: Cloud, uri: str) -> bytes:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content: bytes = cloud.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def described(cloud: Cloud, version: int) -> dict[str, Any]:
    arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{GROUP}/{version}"
    found: dict[str, Any] = cloud.sagemaker.describe_model_package(ModelPackageName=arn)
    return found


def test_the_registry_knows_where_a_model_comes_from_and_how_good_it_is(cloud: Cloud, small_job: Job) -> None:
    digest, model_data = push_image(cloud), train(cloud, small_job)
    sample = cloud.folder / "sign.ppm"
    sample.write_bytes(b"P3 1 1 255 9 9 9")
    done = cloud.run("register", "--group", GROUP, "--job", JOB, "--sample", sample)
    assert done.returncode == 0, done.stderr
    assert f"\n{GROUP}/1: PendingManualApproval\n" in done.stdout
    assert done.stdout.endswith(f"next step: python -m scripts.approve {GROUP}/1\n")
    assert not denied(cloud.calls())

    artifact = json.loads((small_job.base / "model" / "artifact.json").read_text())
    report = json.loads((small_job.base / "output" / "data" / "metrics.json").read_text())
    found = described(cloud, 1)
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    inference = found["InferenceSpecification"]
    image = f"{IMAGE.partition(':')[0]}@{digest}"
    assert inference["Containers"] == [{"Image": image, "ImageDigest": digest, "ModelDataUrl": model_data}]
    assert inference["SupportedContentTypes"] == list(registration.CONTENT_TYPES)
    assert "ml.c5.large" in inference["SupportedRealtimeInferenceInstanceTypes"]
    assert inference["SupportedTransformInstanceTypes"] == ["ml.m5.large", "ml.g4dn.xlarge"]
    job_arn = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{JOB}"
    assert found["MetadataProperties"] == {"GeneratedBy": job_arn}
    metadata = found["CustomerMetadataProperties"]
    assert metadata["data-fingerprint"] == artifact["data_fingerprint"]
    assert metadata["validation-data-fingerprint"] == report["fingerprints"]["validation"]
    assert (metadata["training-job"], metadata["execution-role"]) == (JOB, ROLE)
    assert float(metadata["metric.validation_accuracy"]) == pytest.approx(report["validation_accuracy"], abs=1e-5)

    quality = json.loads(s3_bytes(cloud, found["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]))
    metrics = quality["multiclass_classification_metrics"]
    assert metrics["accuracy"]["value"] == report["validation_accuracy"]
    assert [list(row.values()) for row in metrics["confusion_matrix"].values()] == report["confusion_matrix"]
    with tarfile.open(fileobj=io.BytesIO(s3_bytes(cloud, found["SamplePayloadUrl"]))) as payload:
        assert {member.name: payload.extractfile(member).read() for member in payload} == {  # type: ignore[union-attr] # a file
            "sign.ppm": sample.read_bytes()
        }

    card = json.loads(found["ModelCard"]["ModelCardContent"])
    assert card["intended_uses"]["purpose_of_model"].endswith("into 3 classes: ahead, left, right")
    details = card["training_details"]["training_job_details"]
    assert (details["training_arn"], details["training_datasets"]) == (job_arn, [DATA])
    assert {"name": "preset", "value": "quick"} in details["user_provided_hyper_parameters"]
    assert (
        card["additional_information"]["custom_details"]["version of tensorflow"] == artifact["versions"]["tensorflow"]
    )

    tags = {tag["Key"]: tag["Value"] for tag in cloud.sagemaker.list_tags(ResourceArn=job_arn)["Tags"]}
    assert tags["data-fingerprint"] == artifact["data_fingerprint"]
    assert tags["model-package"] == found["ModelPackageArn"]

    again = cloud.run("register", "--group", GROUP, "--job", JOB, "--sample", sample, "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["arn"] == described(cloud, 2)["ModelPackageArn"]


def test_a_model_of_another_program_is_registered_without_figures_and_that_is_said(cloud: Cloud) -> None:
    push_image(cloud)
    cloud.s3.create_bucket(Bucket=BUCKET)
    (cloud.folder / "model").mkdir()
    (cloud.folder / "model" / "weights.bin").write_bytes(b"weights")
    cloud.s3.put_object(Bucket=BUCKET, Key="foreign/model.tar.gz", Body=packed(cloud.folder / "model"))
    model = ("--model-data", f"s3://{BUCKET}/foreign/model.tar.gz", "--image", IMAGE, "--role", ROLE)
    done = cloud.run("register", "--group", "traffic-signs-foreign", *model, "--content-type", "text/csv", "--json")
    assert done.returncode == 0, done.stderr
    assert "foreign/model.tar.gz has no artifact.json: neither figures nor fingerprint" in done.stderr
    document = json.loads(done.stdout)
    assert set(document) == FIELDS["register"]
    found = cloud.sagemaker.describe_model_package(ModelPackageName=document["arn"])
    assert found["InferenceSpecification"]["SupportedContentTypes"] == ["text/csv"]
    assert not {"ModelMetrics", "Task", "SamplePayloadUrl"} & found.keys()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"no archive", "cannot read artifact.json in s3://"),
        ({"artifact.json": "{"}, "cannot read artifact.json in s3://"),
        ({"artifact.json": "[]"}, "cannot read artifact.json in s3://"),
        ({"artifact.json": '{"labels": [], "metrics": {}}'}, "KeyError('data_fingerprint')"),
        ({"artifact.json": '{"labels": [], "metrics": {}, "data_fingerprint": "x"}'}, "fingerprint 'x'"),
    ],
)
def test_a_damaged_model_is_refused_in_one_line(content: Any, words: str, cloud: Cloud) -> None:
    push_image(cloud)
    cloud.s3.create_bucket(Bucket=BUCKET)
    if isinstance(content, dict):
        folder = cloud.folder / "model"
        folder.mkdir()
        for name, text in content.items():
            (folder / name).write_text(text)
        content = packed(folder)
    cloud.s3.put_object(Bucket=BUCKET, Key="damaged/model.tar.gz", Body=content)
    model = ("--model-data", f"s3://{BUCKET}/damaged/model.tar.gz", "--image", IMAGE, "--role", ROLE)
    done = cloud.run("register", *model)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "sagemaker:CreateModelPackage" not in dict(cloud.calls())


def test_an_image_that_ecr_does_not_have_is_refused(cloud: Cloud) -> None:
    push_image(cloud)
    image = f"{IMAGE}-other"
    done = cloud.run("register", "--model-data", "s3://b/model.tar.gz", "--image", image, "--role", ROLE)
    assert (done.returncode, done.stderr) == (2, f"Error: ECR has no image {image}: push it with make push\n")


def test_after_ctrl_c_the_command_says_where_to_look_for_the_version(cloud: Cloud) -> None:
    push_image(cloud)
    cloud.s3.create_bucket(Bucket=BUCKET)
    (cloud.folder / "model").mkdir()
    cloud.s3.put_object(Bucket=BUCKET, Key="empty/model.tar.gz", Body=packed(cloud.folder / "model"))
    model = ("--model-data", f"s3://{BUCKET}/empty/model.tar.gz", "--image", IMAGE, "--role", ROLE)
    code, error = cloud.interrupt("CreateModelPackage", "register", "--group", "traffic-signs-stopped", *model)
    assert code == 130
    listing = "aws sagemaker list-model-packages --model-package-group-name traffic-signs-stopped"
    assert error.endswith(f"see which versions traffic-signs-stopped has: {listing}\n")
    sample = cloud.folder / "sample.npy"
    sample.write_bytes(b"sample")
    code, error = cloud.interrupt("HeadBucket", "register", *model, "--sample", sample)
    assert code == 130
    assert error.endswith(f"no version was registered; what was uploaded is at s3://{BUCKET}/traffic-signs/inputs/\n")


def test_what_no_version_can_have_is_refused_before_aws_is_asked(tmp_path: Path) -> None:
    large = tmp_path / "large.npy"
    with large.open("wb") as stream:
        stream.truncate(25_000_001)
    for options, words in (
        (["--instance-type", "ml.c5.large", "--instance-type", "ml.c7g.large"], "on Arm or on x86, not on both"),
        (["--sample", str(large)], "larger than a request may be, 25,000,000 bytes"),
    ):
        done = CliRunner().invoke(register.main, options)
        assert done.exit_code == 2
        assert words in done.output


def test_the_formats_of_a_version_are_those_of_the_server() -> None:
    named = {name for name in registration.CONTENT_TYPES if not name.startswith("image/")}
    assert named == set(media_types.SUPPORTED)
    for answer in registration.RESPONSE_TYPES:
        assert negotiation.negotiate(answer, "", 3).content_type == answer
