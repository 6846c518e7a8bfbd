"""The command that runs the transform job in SageMaker's local mode, without an AWS account.

test.npz -> .npy files -> transform_job.transform on file:// folders -> answers -> the same report as evaluate

It runs in the environment .venv-sdk-v2.
"""

import logging
from pathlib import Path

import click

from scripts import transform
from scripts.aws import local_mode
from scripts.aws.session import PREFIX, quiet_sdk, require_sdk
from scripts.errors import OperationError
from scripts.options import Command, result
from scripts.resources.jobs import transform_job


@click.command(
    cls=Command,
    epilog="""\b
    Example:
      python -m scripts.transform_local results/synthetic/data/test/test.npz --image traffic-signs:cpu \\
        --model-data results/synthetic/sagemaker-local/model.tar.gz
    """,
)
@click.argument("test_set", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--image", required=True, help="Image for the predictions.")
@click.option("--model-data", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="model.tar.gz on this machine.")  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path), default="results/transform", show_default=True,
              help="Folder for evaluation.json and the plot.")  # fmt: skip
@click.option("--port", default=8080, show_default=True, help="Port of the container on this machine.")
def main(test_set: Path, image: str, model_data: Path, output: Path, port: int) -> None:
    """Measure the accuracy on TEST_SET with a local transform job."""
    from scripts.client import accuracy

    require_sdk(2)
    quiet_sdk()
    for name in ("sagemaker", "urllib3"):  # they log every request, and advice to move to version 3
        logging.getLogger(name).setLevel(logging.ERROR)
    images, labels, classes = accuracy.load(test_set)
    with local_mode.container_root(image) as folder:
        requests, answers = folder / "requests", folder / "answers"
        requests.mkdir()
        files = transform.write_requests(images, len(classes), requests)
        plan = transform_job.Plan(
            image=image,
            role=local_mode.ROLE,
            model_data=f"file://{model_data.resolve()}",
            name=PREFIX,
            inputs=f"file://{requests}",
            output=f"file://{answers}",
            instance_type="local",
        )
        try:
            transform_job.transform(local_mode.local_session(folder, port), plan)
        except RuntimeError as error:
            raise OperationError(f"the transform job failed: {error}") from error
        result(**accuracy.report(transform.read_answers(answers, files), labels, classes, output))


if __name__ == "__main__":
    main()
