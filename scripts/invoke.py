"""The command that sends image files to an endpoint, and shows the answers as a table and a picture."""

import mimetypes
from pathlib import Path
from typing import Any

import click

from scripts import dry_run
from scripts.client import async_endpoint
from scripts.errors import EndpointError, Failure
from scripts.options import Command, result


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Examples:
      python -m scripts.invoke my-photo.jpg
      python -m scripts.invoke --url http://127.0.0.1:8080 --picture out.png results/synthetic/data/samples
      python -m scripts.invoke --endpoint traffic-signs-2026-11-23-12-00-00 my-photo.jpg
      python -m scripts.invoke --endpoint traffic-signs-many --target-model germany.tar.gz my-photo.jpg
    """,
)
@click.argument("images", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="URL of a container.")
@click.option("--endpoint", "name", help="Name of a SageMaker endpoint, instead of --url.")
@click.option("--target-model", help="Model of a multi-model endpoint: its file; with --url, its loaded name.")
@click.option("--picture", type=click.Path(path_type=Path), help="PNG file for the images with their answers.")
@click.option("--rows", type=click.IntRange(1), help="Show so many rows, the least certain answers; default: all.")
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    default=async_endpoint.TIMEOUT_SECONDS,
    show_default=True,
    help="Seconds to wait for the next answer of an asynchronous endpoint.",
)
def main(
    *,
    images: tuple[Path, ...],
    url: str,
    name: str | None,
    target_model: str | None,
    picture: Path | None,
    rows: int | None,
    timeout: float,
) -> None:
    """Send IMAGES, files or folders of files, to an endpoint, in one request each."""
    from rich.progress import track

    from scripts.client.answers import draw, show

    dry_run.require(name, "--endpoint")
    files = [file for path in images for file in _files(path)]
    requests = ((file.read_bytes(), _content_type(file)) for file in files)
    batches = async_endpoint.predict_all(url, name, requests, timeout, target_model)
    answers: list[dict[str, Any]] = []
    try:
        for batch in track(batches, "predicting", len(files), transient=True):
            answers += batch[:1]  # their number tells which file failed
    except EndpointError as error:
        raise EndpointError(f"{files[len(answers)]}: {error.message}") from error
    dry_run.end()
    result(predictions=[{"image": str(file), **answer} for file, answer in zip(files, answers, strict=True)])
    show(((file.name, answer) for file, answer in zip(files, answers, strict=True)), rows)
    if picture:
        draw(files, answers, picture)
        result(picture=str(picture))
        click.echo(f"picture: {picture}")


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.is_file())
    if not files:
        raise Failure(f"{path} has no files; files in its subfolders are not sent")
    return files


def _content_type(file: Path) -> str:
    guess = mimetypes.guess_type(file.name)[0] or ""
    return guess if guess.startswith("image/") else "image/x-unknown"  # the endpoint detects the format from the bytes


if __name__ == "__main__":
    main()
