"""The command that measures the accuracy on a test set with a batch transform job, without an endpoint.

test.npz -> cost confirmation -> .npy files -> S3 -> transform_job.transform -> S3
-> answers, one JSON file (.out) for each -> the same report as evaluate
"""

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import click

from scripts.aws import costs, ecr, s3_inputs, session
from scripts.aws.session import PREFIX, Account
from scripts.client.endpoint import predictions
from scripts.errors import OperationError
from scripts.options import Command, result
from scripts.resources import hosting, model_source
from scripts.resources.jobs import transform_job

if TYPE_CHECKING:
    import numpy as np


def write_requests(images: "np.ndarray", classes: int, folder: Path) -> list[str]:
    """Write the images uint8 [N, 32, 32, 1] into *folder*, a file for each request; return the file names."""
    from scripts.client import accuracy

    names = []
    for number, body in enumerate(accuracy.batches(images, classes)):
        names.append(f"{number:05d}.npy")
        (folder / names[-1]).write_bytes(body)
    return names


def read_answers(folder: Path, names: list[str]) -> "np.ndarray":
    """Return the class ids, int [N], in the answers in *folder* to the files *names*.

    Raises:
        OperationError: an answer is missing or has no predictions.
    """
    import numpy as np

    predicted: list[int] = []
    for name in names:
        path = folder / f"{name}.out"
        if not path.exists():
            raise OperationError(f"the job wrote no answer to {name}")
        predicted += [answer["class_id"] for answer in predictions(path.read_bytes())]
    return np.array(predicted)


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Examples:
      python -m scripts.transform results/GTSRB/data/test/test.npz
      python -m scripts.transform results/GTSRB/data/test/test.npz --job traffic-signs-2026-11-23-12-00-00-000 --yes
      python -m scripts.transform results/GTSRB/data/test/test.npz --model-data s3://bucket/model.tar.gz --image URI \\
        --role ARN
    """,
)
@click.argument("test_set", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@model_source.options
@click.option("--bucket", help="S3 bucket; default: sagemaker-REGION-ACCOUNT; created if it is missing.")
# transform jobs have no ml.c5.large, the default of endpoints (TransformInstanceType)
@click.option("--instance-type", default="ml.m5.large", show_default=True)
@click.option("--instance-count", type=click.IntRange(1), default=1, show_default=True)
@click.option("--output", type=click.Path(path_type=Path), default="results/transform", show_default=True,
              help="Folder for evaluation.json and the plot.")  # fmt: skip
@click.option("--yes", is_flag=True, envvar="YES", help="Start without asking for confirmation; also YES=1.")
def main(
    *,
    test_set: Path,
    bucket: str | None,
    instance_type: str,
    instance_count: int,
    output: Path,
    yes: bool,
    **model_options: Any,
) -> None:
    """Measure the accuracy on TEST_SET, an archive from data preparation, with a transform job."""
    from scripts.client import accuracy

    images, labels, classes = accuracy.load(test_set)
    session.require_sdk(2)
    account = session.connect()
    with session.readable_errors("sagemaker"):
        model = model_source.find(account.boto.client("sagemaker"), **model_options)
    hosting.require_archive(model.model_data, "a transform job")
    ecr.require_same_region(model.image, account.region)
    ecr.require_processor(account, model.image, instance_type, job=True)
    bill = costs.Bill(instance_type, instance_count, duration="until all images are answered")
    costs.confirm(bill, account.region, yes=yes)
    bucket = bucket or s3_inputs.default_bucket(account)
    name = f"{PREFIX}-{datetime.now(UTC):%Y-%m-%d-%H-%M-%S}"
    inputs, outputs = f"s3://{bucket}/{PREFIX}/inputs/", f"s3://{bucket}/{PREFIX}/transforms/{name}"
    leftover = (
        f"there may be a model {name} and files: aws sagemaker delete-model --model-name {name};"
        f" aws s3 rm --recursive {inputs}; aws s3 rm --recursive {outputs}"
    )
    with (
        tempfile.TemporaryDirectory(prefix=f"{PREFIX}-") as temporary,
        session.readable_errors(next_step=leftover),
    ):
        requests, answers = Path(temporary, "images"), Path(temporary, "answers")
        requests.mkdir()
        answers.mkdir()
        files = write_requests(images, len(classes), requests)
        plan = transform_job.Plan(
            image=model.image,
            role=model.role,
            model_data=model.model_data,
            name=name,
            inputs=s3_inputs.upload(account, bucket, {"images": requests})["images"],
            output=outputs,
            instance_type=instance_type,
            instance_count=instance_count,
        )
        click.echo(f"transform job: {name}   answers: {plan.output}")
        result(job=name, answers=plan.output)
        transform_job.transform(session.sagemaker_session(account), plan)
        _download(account, plan.output, answers)
        result(**accuracy.report(read_answers(answers, files), labels, classes, output))


def _download(account: Account, uri: str, folder: Path) -> None:
    """Download the answers by file name: AWS's reference puts them below the key prefix of the requests."""
    from rich.progress import track

    client = account.boto.client("s3")
    location = urlparse(uri)
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=location.netloc, Prefix=f"{location.path.lstrip('/')}/"
    )
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    for key in track(keys, "downloading answers"):
        client.download_file(location.netloc, key, str(folder / Path(key).name))


if __name__ == "__main__":
    main()
