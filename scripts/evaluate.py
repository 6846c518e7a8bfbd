"""The command that measures the accuracy of an endpoint on a test set.

test.npz -> batches within the payload limit -> endpoint -> accuracy, overall and per class
"""

from pathlib import Path

import click

from scripts import dry_run
from scripts.client import async_endpoint
from scripts.options import Command, result


@click.command(
    cls=Command,
    changes_aws=True,
    epilog="""\b
    Examples:
      python -m scripts.evaluate results/synthetic/data/test/test.npz --output results/evaluation
      python -m scripts.evaluate results/GTSRB/data/test/test.npz --output results/evaluation --endpoint NAME
    """,
)
@click.argument("test_set", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", default="http://127.0.0.1:8080", show_default=True, help="URL of a container.")
@click.option("--endpoint", "name", help="Name of a SageMaker endpoint, instead of --url.")
@click.option(
    "--output", type=click.Path(path_type=Path), required=True, help="Folder for evaluation.json and the plot."
)
@click.option(
    "--max-payload-mb",
    type=click.FloatRange(0.01, 100),
    default=6.0,
    show_default=True,
    help="Limit for requests and answers. For real-time endpoints, AWS's API model says 6 MB, its FAQ 25 MB.",
)
def main(test_set: Path, url: str, name: str | None, output: Path, max_payload_mb: float) -> None:
    """Measure the accuracy on TEST_SET, an archive from data preparation."""
    import numpy as np
    from rich.progress import track

    from scripts.client import accuracy

    dry_run.require(name, "--endpoint")
    images, labels, names = accuracy.load(test_set)
    bodies = accuracy.batches(images, len(names), max_payload_mb)
    requests = ((body, accuracy.CONTENT_TYPE) for body in bodies)
    answers = async_endpoint.predict_all(url, name, requests)
    predicted = [answer["class_id"] for batch in track(answers, "predicting", len(bodies)) for answer in batch]
    dry_run.end()
    result(**accuracy.report(np.array(predicted), labels, names, output))


if __name__ == "__main__":
    main()
