"""Accuracy over a test set without an endpoint: a batch transform job, with SageMaker's SDK.

test.npz -> .npy files -> S3, once (s3_inputs) -> cost line -> transform_job.transform -> S3
-> answers, JSON, one .out a file -> the same figures as evaluate
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import click
import numpy as np
from rich.progress import track

from scripts.aws import costs, ecr, s3_inputs, session
from scripts.aws.session import PREFIX, Account
from scripts.client import accuracy
from scripts.client.endpoint import predictions
from scripts.errors import Failure
from scripts.resources import model_source, transform_job


def write(images: np.ndarray, classes: int, folder: Path) -> list[str]:
    """Write the images uint8 [N, 32, 32, 1] into *folder*, a file for each request; return the files' names."""
    names = []
    for number, body in enumerate(accuracy.batches(images, classes)):
        names.append(f"{number:05d}.npy")
        (folder / names[-1]).write_bytes(body)
    return names


def read(folder: Path, names: list[str]) -> np.ndarray:
    """Return the class ids, int [N], that the answers in *folder* give to the files *names*.

    Raises:
        Failure: an answer is missing, or is none.
    """
    predicted: list[int] = []
    for name in names:
        path = folder / f"{name}.out"
        if not path.exists():
            raise Failure(f"the job has left no answer to {name}")
        predicted += [answer["class_id"] for answer in predictions(path.read_bytes())]
    return np.array(predicted)


@click.command(
    epilog="""\b
    Examples:
      python -m scripts.transform results/GTSRB/data/test/test.npz
      python -m scripts.transform results/GTSRB/data/test/test.npz --job traffic-signs-2026-11-23-12-00-00-000 --yes
      python -m scripts.transform results/GTSRB/data/test/test.npz --model-data s3://bucket/model.tar.gz --image URI \\
        --role ARN
    """
)
@click.argument("test_set", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@model_source.options
@click.option("--bucket", help="Default: sagemaker-REGION-ACCOUNT; made if it is missing.")
# ml.c5.large, which endpoints have, is no type of transform jobs (TransformInstanceType)
@click.option("--instance-type", default="ml.m5.large", show_default=True)
@click.option("--instance-count", type=click.IntRange(1), default=1, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default="results/transform", show_default=True,
              help="Folder for the figures and the plot.")  # fmt: skip
@click.option("--yes", is_flag=True, envvar="YES", help="Do not ask whether it may cost money; YES=1 says the same.")
def main(
    *,
    test_set: Path,
    bucket: str | None,
    instance_type: str,
    instance_count: int,
    output: Path,
    yes: bool,
    **which: Any,
) -> None:
    """Predict TEST_SET, an archive of arrays, in a transform job and count what is right; no endpoint stays."""
    images, labels, classes = accuracy.load(test_set)
    session.need_sdk(2)
    account = session.connect()
    with session.clear_errors("sagemaker"):
        model = model_source.find(account.boto.client("sagemaker"), **which)
    ecr.same_region(model.image, account.region)
    bill = costs.Bill(instance_type, instance_count, until="until all images are answered")
    costs.confirm(bill, account.region, yes=yes)
    bucket = bucket or s3_inputs.default_bucket(account)
    name = f"{PREFIX}-{datetime.now(UTC):%Y-%m-%d-%H-%M-%S}"
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}-") as temporary, session.clear_errors():
        requests, answers = Path(temporary, "images"), Path(temporary, "answers")
        requests.mkdir()
        answers.mkdir()
        files = write(images, len(classes), requests)
        plan = transform_job.Plan(
            image=model.image,
            role=model.role,
            model_data=model.model_data,
            name=name,
            inputs=s3_inputs.upload(account, bucket, {"images": requests})["images"],
            output=f"s3://{bucket}/{PREFIX}/transforms/{name}",
            instance_type=instance_type,
            instance_count=instance_count,
        )
        click.echo(f"transform job: {name}   answers: {plan.output}")
        transform_job.transform(session.sdk(account), plan)
        _download(account, plan.output, answers)
        accuracy.report(read(answers, files), labels, classes, output)


def _download(account: Account, uri: str, folder: Path) -> None:
    """Fetch the answers by their names: AWS's reference puts them below the key prefix of the requests."""
    client = account.boto.client("s3")
    place = urlparse(uri)
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=place.netloc, Prefix=f"{place.path.lstrip('/')}/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    for key in track(keys, "fetching the answers"):
        client.download_file(place.netloc, key, str(folder / Path(key).name))


if __name__ == "__main__":
    main()
