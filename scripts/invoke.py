"""Send image files to an endpoint; show its answers as a table and as a picture."""

import math
import mimetypes
from pathlib import Path
from typing import Any

import click
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from rich.progress import track

from scripts import async_endpoint
from scripts.answers import show


@click.command(
    epilog="""\b
    Examples:
      python -m scripts.invoke my-photo.jpg
      python -m scripts.invoke --url http://127.0.0.1:8080 --picture out.png results/synthetic/data/samples
      python -m scripts.invoke --endpoint traffic-signs-2026-11-23-12-00-00 my-photo.jpg
      python -m scripts.invoke --endpoint traffic-signs-many --target-model germany.tar.gz my-photo.jpg
    """
)
@click.argument("images", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--url", default="http://127.0.0.1:8080", show_default=True)
@click.option("--endpoint", "name", help="A SageMaker endpoint by its name, in place of --url.")
@click.option("--target-model", help="Of a multi-model endpoint: the model's file; with --url, its loaded name.")
@click.option("--picture", type=click.Path(path_type=Path), help="PNG to draw the images and answers into.")
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    default=async_endpoint.PATIENCE_SECONDS,
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
    timeout: float,
) -> None:
    """Send IMAGES, files or folders of files, to an endpoint, one request each."""
    files = [file for path in images for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    requests = ((file.read_bytes(), _content_type(file)) for file in files)
    batches = async_endpoint.predict_all(url, name, requests, timeout, target_model)
    answers = [batch[0] for batch in track(batches, "predicting", len(files), transient=True)]
    show((file.name, answer) for file, answer in zip(files, answers, strict=True))
    if picture:
        picture.parent.mkdir(parents=True, exist_ok=True)
        _draw(files, answers, picture)
        click.echo(f"picture: {picture}")


def _content_type(file: Path) -> str:
    guess = mimetypes.guess_type(file.name)[0] or ""
    return guess if guess.startswith("image/") else "image/x-unknown"  # the endpoint looks at the bytes


def _draw(files: list[Path], answers: list[dict[str, Any]], path: Path) -> None:
    columns = min(9, len(files))
    rows = math.ceil(len(files) / columns)
    figure = Figure(figsize=(1.5 * columns, 1.75 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.axis("off")
    for axis, file, answer in zip(axes, files, answers, strict=False):
        with Image.open(file) as image:
            axis.imshow(np.asarray(image.convert("RGB")))
        name = answer["name"] if len(answer["name"]) <= 24 else answer["name"][:23] + "…"
        axis.set_title(f"{name}\n{answer['probability']:.0%}", fontsize=7)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
