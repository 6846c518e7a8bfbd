"""Benchmark of a batch transform job in SageMaker's local mode; checks all answers: `make bench-transform`.

    PREPARED's images, repeated ──> files of CSV or JSON lines, or a PNG each
        ──> SDK's Transformer, a container of IMAGE that serves MODEL ──> a line for each record, in order ──> JSON

Local mode sends one request at a time, even if the container accepts more. It copies a request's lines again for each
line that it adds, so payloads of 1 MB are faster than payloads of 6 MB. This runs in the environment .venv-sdk-v2.
"""

import io
import json
import logging
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image
from rich.console import Console

from scripts.aws import local_mode
from scripts.aws.session import PREFIX, quiet_sdk
from tests.bench import machine

_KINDS = {"csv": "text/csv", "jsonlines": "application/jsonlines", "images": "image/png"}
_FILE_RECORDS = 50_000
"""Records in a file."""


@click.command(
    epilog="""\b
    Example:
      python -m tests.bench.transform results/GTSRB/data results/bench/quick/opt-ml/model --records 2000 \\
        --kind jsonlines
    """
)
@click.argument("prepared", type=click.Path(exists=True, path_type=Path))
@click.argument("model", type=click.Path(exists=True, path_type=Path))
@click.option("--records", type=click.IntRange(1), default=200_000, show_default=True)
@click.option("--kind", type=click.Choice(list(_KINDS)), default="csv", show_default=True)
@click.option(
    "--strategy", type=click.Choice(["MultiRecord", "SingleRecord"]), default="MultiRecord", show_default=True
)
@click.option("--max-payload", type=click.IntRange(1, 100), default=1, show_default=True, help="MB per request.")
@click.option("--image", default="traffic-signs:cpu", show_default=True)
@click.option("--port", default=18080, show_default=True, help="Port of the container on this machine.")
@click.option("--output", type=click.Path(path_type=Path), default=Path(__file__).with_name("transform.json"))
def main(
    prepared: Path,
    model: Path,
    *,
    records: int,
    kind: str,
    strategy: str,
    max_payload: int,
    image: str,
    port: int,
    output: Path,
) -> None:
    """Run a local transform job on RECORDS images of the arrays in PREPARED, with the model in the folder MODEL."""
    quiet_sdk()
    for name in ("sagemaker", "urllib3"):  # they log every request, and advice to move to version 3
        logging.getLogger(name).setLevel(logging.ERROR)
    with np.load(prepared / "test" / "test.npz") as archive:
        images = archive["images"]
    # a fixed random order, so that answers in the wrong order are found
    order = np.random.default_rng(1).integers(0, len(images), records)
    with local_mode.container_root(image) as folder:
        for name in ("requests", "answers"):
            (folder / name).mkdir()
        files = _write(images, order, kind, folder / "requests")
        with tarfile.open(folder / "model.tar.gz", "w:gz") as packed:
            packed.add(model, ".")
        started = time.monotonic()
        seconds = _transform(folder, image, port, kind=kind, strategy=strategy, max_payload=max_payload)
        total_seconds = time.monotonic() - started
        megabytes = sum((folder / "requests" / file).stat().st_size for file in files) / 2**20
        labels = np.array([label for file in files for label in _read(folder / "answers" / f"{file}.out", kind)])
    _check(labels, order)
    content = {
        **machine.describe(),
        "records": records,
        "kind": kind,
        "strategy": strategy,
        "max_payload_mb": max_payload,
        "input_mb": round(megabytes, 1),
        "seconds": round(seconds, 1),
        "seconds_with_start_and_stop": round(total_seconds, 1),
        "records_per_second": round(records / seconds, 1),
        "class_ids": labels.tolist() if records <= 10_000 else None,
    }
    output.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    Console().print(
        f"{records:,} records of {kind}, {strategy}, {max_payload} MB per request: {seconds:,.1f} s,"
        f" {records / seconds:,.0f} records per second; {total_seconds:,.1f} s with start and stop",
        highlight=False,
    )


def _write(images: np.ndarray, order: np.ndarray, kind: str, folder: Path) -> list[str]:
    """Write the images[order] into *folder*; return the files' names, in order."""
    if kind == "images":
        for number, index in enumerate(order):
            stream = io.BytesIO()
            Image.fromarray(images[index, ..., 0]).save(stream, "PNG")
            (folder / f"{number:06d}.png").write_bytes(stream.getvalue())
        return [f"{number:06d}.png" for number in range(len(order))]
    lines = [_line(image, kind) for image in images]
    names = []
    for start in range(0, len(order), _FILE_RECORDS):
        names.append(f"{start:06d}.{kind}")
        (folder / names[-1]).write_text("".join(lines[index] for index in order[start : start + _FILE_RECORDS]))
    return names


def _line(image: np.ndarray, kind: str) -> str:
    if kind == "csv":
        return ",".join(map(str, image.ravel().tolist())) + "\n"
    return json.dumps(image[..., 0].tolist()) + "\n"


def _transform(folder: Path, image: str, port: int, *, kind: str, strategy: str, max_payload: int) -> float:
    """Run the job; return the seconds from its first request to its last answer."""
    from sagemaker.model import Model  # noqa: PLC0415 # slow, and not needed for --help

    session = local_mode.local_session(folder, port)
    model = Model(
        image_uri=image,
        model_data=f"file://{folder}/model.tar.gz",
        role=local_mode.ROLE,
        name=PREFIX,
        sagemaker_session=session,
    )
    # no `accept`, because lines are answered with lines; an explicit `strategy`, because local mode (2.257) does not
    # know the name that AWS documents for /execution-parameters
    transformer = model.transformer(
        1, "local", strategy=strategy, output_path=f"file://{folder}/answers", max_payload=max_payload
    )
    split = None if kind == "images" else "Line"
    transformer.transform(  # returns when the job has ended; wait=True would ask AWS for its log
        f"file://{folder}/requests", content_type=_KINDS[kind], split_type=split, job_name=PREFIX, wait=False
    )
    job: dict[str, Any] = session.sagemaker_client.describe_transform_job(TransformJobName=PREFIX)
    model.delete_model()
    return float((job["TransformEndTime"] - job["TransformStartTime"]).total_seconds())


def _read(path: Path, kind: str) -> Iterator[int]:
    """Yield the class id of each record in the answers *path*."""
    if kind == "images":
        yield from (prediction["class_id"] for prediction in json.loads(path.read_bytes())["predictions"])
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield int(np.argmax(np.fromstring(line, sep=","))) if kind == "csv" else json.loads(line)["class_id"]


def _check(labels: np.ndarray, order: np.ndarray) -> None:
    """Check that each image got the same class in all its records.

    Raises:
        click.ClickException: answers are missing or in the wrong order.
    """
    if len(labels) != len(order):
        raise click.ClickException(f"{len(labels):,} answers to {len(order):,} records")
    first = dict(zip(order[::-1].tolist(), labels[::-1].tolist(), strict=True))
    wrong = sum(first[index] != label for index, label in zip(order.tolist(), labels.tolist(), strict=True))
    if wrong:
        raise click.ClickException(f"{wrong:,} answers belong to other records")


if __name__ == "__main__":
    main()
