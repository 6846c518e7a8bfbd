"""Accuracy over a whole test set, through the endpoint: overall, per class, and as the bar plot.

An endpoint refuses a body over its payload limit, and so does the platform in front of it, for
requests and answers alike. So the images go in batches that keep both below the limit.
"""

from pathlib import Path

import click
import numpy as np
from rich.progress import track

from scripts.client import async_endpoint
from scripts.client.accuracy import CONTENT_TYPE, batches, load, report


@click.command(
    epilog="""\b
    Examples:
      python -m scripts.evaluate results/synthetic/data/test/test.npz --output results/evaluation
      python -m scripts.evaluate results/GTSRB/data/test/test.npz --output results/evaluation --endpoint NAME
    """
)
@click.argument("test_set", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", default="http://127.0.0.1:8080", show_default=True)
@click.option("--endpoint", "hosted", help="A SageMaker endpoint by its name, in place of --url.")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="Folder for the figures and the plot.")
@click.option(
    "--max-payload-mb",
    type=click.FloatRange(0.01, 100),
    default=6.0,
    show_default=True,
    help="Largest request and answer. AWS's API model says 6 MB for real-time endpoints, its FAQ 25.",
)
def main(test_set: Path, url: str, hosted: str | None, output: Path, max_payload_mb: float) -> None:
    """Predict TEST_SET, an archive of arrays that data preparation wrote, and count what is right."""
    images, labels, names = load(test_set)
    bodies = batches(images, len(names), max_payload_mb)
    requests = ((body, CONTENT_TYPE) for body in bodies)
    answers = async_endpoint.predict_all(url, hosted, requests)
    predicted = [answer["class_id"] for batch in track(answers, "predicting", len(bodies)) for answer in batch]
    report(np.array(predicted), labels, names, output)


if __name__ == "__main__":
    main()
