"""The command that registers a trained model as a version in SageMaker's Model Registry.

job -> image by digest, what its archives tell -> statistics and sample payload to S3 -> version, pending approval
    -> tags of the job
"""

import gzip
import io
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from scripts import parsing
from scripts.aws import ecr, processors, s3_inputs, session
from scripts.aws.session import PREFIX, Account
from scripts.errors import Failure
from scripts.model_registry import archive, card, registered, registration
from scripts.options import Command, result
from scripts.resources import hosting, model_source

_INSTANCE_TYPES = ("ml.c5.large", "ml.c5.xlarge", "ml.m5.large", "ml.g4dn.xlarge")
_TRANSFORM_TYPES = ("ml.m5.large", "ml.g4dn.xlarge")
_MAX_SAMPLE_BYTES = 25_000_000
"""Limit of a request to an endpoint; AWS demands it of each sample."""


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Examples:
      python -m scripts.register --sample results/GTSRB/data/samples/14-Stop.ppm
      python -m scripts.register --group traffic-signs-tiny --job traffic-signs-2026-11-23-12-00-00-000
      python -m scripts.register --instance-type ml.c7g.large --instance-type ml.c7g.xlarge
    """,
)
@click.option("--group", default=PREFIX, show_default=True, help="Model package group; created if it is missing.")
@model_source.job_options
@click.option("--sample", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="File with a request that the model answers; kept with the version.")  # fmt: skip
@click.option("--instance-type", "instance_types", multiple=True, default=_INSTANCE_TYPES, show_default=True,
              help="Type that endpoints may have; repeatable.")  # fmt: skip
@click.option("--transform-instance-type", "transform_types", multiple=True, default=_TRANSFORM_TYPES,
              show_default=True,
              help="Type that transform jobs may have; repeatable; none with an Arm image.")  # fmt: skip
@click.option("--content-type", "content_types", multiple=True, default=registration.CONTENT_TYPES, show_default=True,
              help="Content type of requests; repeatable.")  # fmt: skip
@click.option("--response-type", "response_types", multiple=True, default=registration.RESPONSE_TYPES,
              show_default=True, help="Content type of answers; repeatable.")  # fmt: skip
@click.option("--bucket", help="S3 bucket; default: sagemaker-REGION-ACCOUNT; created if it is missing.")
def main(
    *,
    group: str,
    sample: Path | None,
    instance_types: Sequence[str],
    transform_types: Sequence[str],
    content_types: Sequence[str],
    response_types: Sequence[str],
    bucket: str | None,
    **model_options: Any,
) -> None:
    """Register a trained model as a version that waits for approval. It bills nothing but storage in S3."""
    parsing.require_name(group, "--group")
    platforms = {processors.platform_of(name) for name in instance_types}
    if len(platforms) > 1:
        raise Failure(f"--instance-type {', '.join(instance_types)}: one image runs on Arm or on x86, not on both")
    if sample and sample.stat().st_size > _MAX_SAMPLE_BYTES:
        raise Failure(f"--sample {sample} is larger than a request may be, {_MAX_SAMPLE_BYTES:,} bytes")
    account = session.connect()
    client = account.boto.client("sagemaker")
    with session.readable_errors("sagemaker"):
        model = model_source.find(client, **model_options)
        job = client.describe_training_job(TrainingJobName=model.job) if model.job else {}
    hosting.require_archive(model.model_data, "the registry")
    if not model_options["image"]:
        model = model_source.on_instances(model, instance_types[0])
    ecr.require_same_region(model.image, account.region)
    image = ecr.pin(account, model.image)
    ecr.require_processor(account, image, instance_types[0])
    with session.readable_errors("s3"):
        summary = archive.read(account.boto.client("s3"), model.model_data)
    if summary is None:
        click.echo(f"{model.model_data} has no artifact.json: neither figures nor fingerprint are registered", err=True)
        summary = archive.Summary()
    bucket = bucket or s3_inputs.default_bucket(account)
    uploads = f"s3://{bucket}/{PREFIX}/inputs/"
    with session.readable_errors(next_step=f"no version was registered; what was uploaded is at {uploads}"):
        quality, payload = _upload(account, bucket, summary, sample)
    version = registration.Version(
        group=group,
        image=image,
        role=model.role,
        model_data=model.model_data,
        summary=summary,
        card=card.model_card(
            summary,
            image=image,
            model_data=model.model_data,
            job_arn=job.get("TrainingJobArn", ""),
            datasets=_datasets(job),
            parameters=job.get("HyperParameters", {}),
        ),
        job=job.get("TrainingJobArn", ""),
        quality=quality,
        sample=payload,
        content_types=content_types,
        response_types=response_types,
        instance_types=instance_types,
        transform_types=[name for name in transform_types if {processors.platform_of(name)} == platforms],
    )
    listing = f"aws sagemaker list-model-packages --model-package-group-name {group}"
    with session.readable_errors("sagemaker", f"see which versions {group} has: {listing}"):
        found = registered.describe(client, registration.create(client, version))
        if job:
            registered.tag(client, job["TrainingJobArn"], found.lineage)
    result(**registered.as_json(found))
    click.echo(registered.text(found))
    click.echo(f"next step: python -m scripts.approve {found.name}")


def _upload(account: Account, bucket: str, summary: archive.Summary, sample: Path | None) -> tuple[str, str]:
    """Upload statistics and sample payload; return their URIs, "" for what there is not."""
    names = ("model-quality.json", "sample-payload.tar.gz")
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        if statistics := card.model_quality(summary):
            (folder / names[0]).write_text(statistics, encoding="utf-8")
        if sample:
            (folder / names[1]).write_bytes(_packed(sample))
        found = [name for name in names if (folder / name).exists()]
        uri = s3_inputs.upload(account, bucket, {"registry": folder})["registry"] if found else ""
    first, second = (f"{uri}{name}" if name in found else "" for name in names)
    return first, second


def _packed(sample: Path) -> bytes:
    """Return a tar.gz with the file, the same bytes each time, so that it is uploaded once."""
    content = sample.read_bytes()
    member = tarfile.TarInfo(sample.name)
    member.size = len(content)
    buffer = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archived,
    ):
        archived.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _datasets(job: dict[str, Any]) -> list[str]:
    sources = [channel["DataSource"] for channel in job.get("InputDataConfig", [])]
    return [source["S3DataSource"]["S3Uri"] for source in sources if "S3DataSource" in source]


if __name__ == "__main__":
    main()
