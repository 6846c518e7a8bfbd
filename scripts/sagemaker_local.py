"""The command that runs SageMaker's local mode with SDK version 2, without an AWS account.

file:// channels -> training_job.fit -> OUTPUT/model.tar.gz -> endpoint.deploy -> Predictor.predict -> delete

`fit` and `deploy` are those of the cloud commands; the session starts containers on this machine, with docker compose.
It runs in the environment .venv-sdk-v2.
"""

import logging
import shutil
import tarfile
from pathlib import Path
from typing import Any

import click

from scripts.aws import local_mode
from scripts.aws.session import PREFIX, quiet_sdk, require_sdk
from scripts.client.endpoint import predictions
from scripts.errors import OperationError
from scripts.options import Command, result
from scripts.parsing import parse_values
from scripts.resources import endpoint
from scripts.resources.jobs import training_job


@click.command(
    cls=Command,
    epilog="""\b
    Examples:
      python -m scripts.sagemaker_local --image traffic-signs:cpu \\
        --training results/synthetic/data/training --samples results/synthetic/data/samples -p epochs=3
      python -m scripts.sagemaker_local --image traffic-signs:cpu --instances 2 \\
        --training results/synthetic/data/training --samples results/synthetic/data/samples
      python -m scripts.sagemaker_local --image traffic-signs:cpu --entry-point mine.py --source-dir my-code \\
        --training results/synthetic/data/training --samples results/synthetic/data/samples
    """,
)
@click.option("--image", required=True, help="Image for training and serving.")
@click.option("--training", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--validation", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--samples", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="Folder of image files to predict.")  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path), default="results/sagemaker-local", show_default=True)
@click.option("--instances", type=click.IntRange(1), default=1, show_default=True, help="Training containers.")
@click.option("--entry-point", type=click.Path(path_type=Path), help="Your training program, instead of the image's.")
@click.option("--source-dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--port", default=8080, show_default=True, help="Port of the endpoint on this machine.")
@click.option("-p", "--hyperparameter", "hyperparameters", multiple=True, metavar="KEY=VALUE", help="Repeatable.")
def main(
    *,
    image: str,
    training: Path,
    validation: Path | None,
    samples: Path,
    output: Path,
    instances: int,
    entry_point: Path | None,
    source_dir: Path | None,
    port: int,
    hyperparameters: tuple[str, ...],
) -> None:
    """Train, deploy, predict and delete with SageMaker's SDK in local mode."""
    require_sdk(2)
    quiet_sdk()
    for name in ("sagemaker", "urllib3"):  # they log every request, and advice to move to version 3
        logging.getLogger(name).setLevel(logging.ERROR)
    with local_mode.container_root(image) as folder:
        session = local_mode.local_session(folder, port)
        archives = folder / "archives"
        channels = {"training": training} | ({"validation": validation} if validation else {})
        if entry_point:
            source_dir = _copy_source(entry_point, source_dir, folder)
        plan = training_job.Plan(
            image=image,
            role=local_mode.ROLE,
            inputs={name: f"file://{path.resolve()}" for name, path in channels.items()},
            output=f"file://{archives}",  # the job may fail after it has written them
            instance_type="local",
            instance_count=instances,
            hyperparameters=parse_values(hyperparameters),
            entry_point=entry_point.name if entry_point else None,
            source_dir=str(source_dir) if entry_point else None,
        )
        try:
            job = training_job.fit(session, plan)
        except RuntimeError as error:
            raise OperationError(f"the training job failed: {_failure_reason(archives) or error}") from error
        shutil.copytree(archives, output, dirs_exist_ok=True)
        artifact = output / "model.tar.gz"
        click.echo(f"artifact: {artifact}")
        result(artifact=str(artifact))
        _deploy_and_predict(
            session, endpoint.Plan(image, local_mode.ROLE, str(job.artifact), PREFIX, instance_type="local"), samples
        )


def _copy_source(program: Path, source: Path | None, folder: Path) -> Path:
    """Copy the user's code, because containers write to it as root; return the copy."""
    copy = folder / "source"
    if source:
        shutil.copytree(source, copy)
    else:
        copy.mkdir()
        shutil.copy(program, copy)
    return copy


def _failure_reason(output: Path) -> str:
    """Return the first paragraph of the failure file in the job's output archive, as one line; empty if there is none.

    A traceback follows in the second paragraph.
    """
    try:
        with tarfile.open(output / "output.tar.gz") as archive:
            stream = archive.extractfile("failure")
            text = stream.read(1024).decode(errors="replace") if stream else ""
            return " ".join(text.partition("\n\n")[0].split())
    except (OSError, KeyError):
        return ""


def _deploy_and_predict(session: Any, plan: endpoint.Plan, samples: Path) -> None:
    from sagemaker.deserializers import BytesDeserializer
    from sagemaker.serializers import IdentitySerializer

    from scripts.client.answers import show

    try:
        predictor = endpoint.deploy(session, plan)
        predictor.serializer, predictor.deserializer = IdentitySerializer("image/x-unknown"), BytesDeserializer()
        rows = [(file.name, predictions(predictor.predict(file.read_bytes()))[0]) for file in sorted(samples.iterdir())]
    except RuntimeError as error:
        raise OperationError(f"the endpoint failed: {error}") from error
    finally:
        session.delete_endpoint(plan.name)
        session.delete_endpoint_config(plan.name)
        session.delete_model(plan.name)
    result(predictions=[{"image": name, **answer} for name, answer in rows])
    show(rows)


if __name__ == "__main__":
    main()
