"""A training job in AWS with the archives of a real one."""

import io
import json
import tarfile
from pathlib import Path

import boto3

from scripts.aws.registry import MANIFEST
from tests.aws.cloud import ACCOUNT, BUCKET, REGION, ROLE, Cloud
from tests.support.helpers import Job

IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/traffic-signs-registered:abc"
"""Of a repository of its own, because moto's is there for all tests."""
JOB = "traffic-signs-2026-11-30-01-02-03-004"
DATA = f"s3://{BUCKET}/traffic-signs/inputs/abc/"


def packed(folder: Path) -> bytes:
    """The files of *folder* as SageMaker packs them."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name)
    return buffer.getvalue()


def push_image(cloud: Cloud) -> str:
    """Put an image with IMAGE's tag into ECR; return its digest."""
    keys = {"aws_access_key_id": "none", "aws_secret_access_key": "none"}
    ecr = boto3.client("ecr", region_name=REGION, endpoint_url=cloud.environment["AWS_ENDPOINT_URL"], **keys)
    repository, tag = IMAGE.partition("/")[2].split(":")
    if repository not in [found["repositoryName"] for found in ecr.describe_repositories()["repositories"]]:
        ecr.create_repository(repositoryName=repository)
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "layers": []})
        ecr.put_image(repositoryName=repository, imageTag=tag, imageManifest=manifest)
    [image] = ecr.describe_images(repositoryName=repository)["imageDetails"]
    return str(image["imageDigest"])


def train(cloud: Cloud, job: Job, name: str = JOB) -> str:
    """Put *job* into AWS as a completed training job; return its model's URI."""
    cloud.s3.create_bucket(Bucket=BUCKET)
    cloud.sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        RoleArn=ROLE,
        HyperParameters={"preset": "quick"},
        InputDataConfig=[
            {
                "ChannelName": "training",
                "DataSource": {
                    "S3DataSource": {
                        "S3DataType": "S3Prefix",
                        "S3Uri": DATA,
                        "S3DataDistributionType": "FullyReplicated",
                    }
                },
            }
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/traffic-signs/jobs"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 30},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
    )
    uri = cloud.sagemaker.describe_training_job(TrainingJobName=name)["ModelArtifacts"]["S3ModelArtifacts"]
    folder = uri.removeprefix(f"s3://{BUCKET}/").rpartition("/")[0]
    for archive, content in (("model.tar.gz", "model"), ("output.tar.gz", "output/data")):
        cloud.s3.put_object(Bucket=BUCKET, Key=f"{folder}/{archive}", Body=packed(job.base / content))
    return str(uri)
