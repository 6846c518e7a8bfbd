"""SageMaker's local mode, by its own SDK (version 2) and docker compose, without an AWS account.

file:// channels -> training_job.fit -> OUTPUT/model.tar.gz -> endpoint.deploy -> Predictor.predict -> delete

The same `fit` and `deploy` as in the cloud, with a session that starts containers here. Runs in the
environment .venv-sdk-v2.
"""

import logging
import shutil
import tarfile
from pathlib import Path
from typing import Any

import click

from scripts import train
from scripts.aws import local_mode
from scripts.aws.session import PREFIX, need_sdk, pairs, quiet_sdk
from scripts.client.answers import show
from scripts.client.endpoint import predictions
from scripts.errors import Failure
from scripts.resources import endpoint, training_job


@click.command(
    epilog="""\b
    Examples:
      python -m scripts.sagemaker_local --image traffic-signs:cpu \\
        --training results/synthetic/data/training --samples results/synthetic/data/samples -p epochs=3
      python -m scripts.sagemaker_local --image traffic-signs:cpu --instances 2 \\
        --training results/synthetic/data/training --samples results/synthetic/data/samples
      python -m scripts.sagemaker_local --image traffic-signs:cpu --entry-point mine.py --source-dir my-code \\
        --training results/synthetic/data/training --samples results/synthetic/data/samples
    """
)
@click.option("--image", required=True, help="Image to train and to serve with.")
@click.option("--training", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--validation", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--samples", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="Folder of image files to predict.")  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path), default="results/sagemaker-local", show_default=True)
@click.option("--instances", type=click.IntRange(1), default=1, show_default=True, help="Containers that train.")
@click.option("--entry-point", type=click.Path(path_type=Path), help="A program of yours, in place of the image's.")
@click.option("--source-dir", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--port", default=8080, show_default=True, help="Where the endpoint listens on this machine.")
@click.option(
    "-p", "--hyperparameter", "hyperparameters", multiple=True, metavar="KEY=VALUE", help="Any number of times."
)
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
    need_sdk(2)
    quiet_sdk()
    for name in ("sagemaker", "urllib3"):  # a line per request, and how to move to version 3
        logging.getLogger(name).setLevel(logging.ERROR)
    output = output.resolve()
    for name in ("model.tar.gz", "output.tar.gz"):  # of an earlier run
        (output / name).unlink(missing_ok=True)
    with local_mode.scratch(image) as folder:
        session = local_mode.session(folder, port)
        channels = {"training": training} | ({"validation": validation} if validation else {})
        if entry_point:
            source_dir = _copied(entry_point, source_dir, folder)
        plan = training_job.Plan(
            image=image,
            role=local_mode.ROLE,
            inputs={name: f"file://{place.resolve()}" for name, place in channels.items()},
            output=f"file://{output}",
            instance_type="local",
            instance_count=instances,
            hyperparameters={key: train.value(text) for key, text in pairs(hyperparameters).items()},
            entry_point=entry_point.name if entry_point else None,
            source_dir=str(source_dir) if entry_point else None,
        )
        try:
            job = training_job.fit(session, plan)
        except RuntimeError as error:
            raise Failure(f"the training job failed: {_reason(output) or error}") from error
        click.echo(f"artifact: {job.artifact}")
        _serve(
            session, endpoint.Plan(image, local_mode.ROLE, str(job.artifact), PREFIX, instance_type="local"), samples
        )


def _copied(program: Path, source: Path | None, folder: Path) -> Path:
    """Copy the user's code, because containers write into it as root."""
    copy = folder / "source"
    if source:
        shutil.copytree(source, copy)
    else:
        copy.mkdir()
        shutil.copy(program, copy)
    return copy


def _reason(output: Path) -> str:
    """Return the first paragraph of the failure file, which the SDK packs with the job's output, in one line.

    The toolkit's own begin with the kind of error alone; ours have a traceback in the second.
    """
    try:
        with tarfile.open(output / "output.tar.gz") as archive:
            stream = archive.extractfile("failure")
            text = stream.read(1024).decode(errors="replace") if stream else ""
            return " ".join(text.partition("\n\n")[0].split())
    except (OSError, KeyError):
        return ""


def _serve(session: Any, plan: endpoint.Plan, samples: Path) -> None:
    from sagemaker.deserializers import BytesDeserializer  # noqa: PLC0415 # slow, and not needed for --help
    from sagemaker.serializers import IdentitySerializer  # noqa: PLC0415 # as above

    try:
        predictor = endpoint.deploy(session, plan)
        predictor.serializer, predictor.deserializer = IdentitySerializer("image/x-unknown"), BytesDeserializer()
        rows = [(file.name, predictions(predictor.predict(file.read_bytes()))[0]) for file in sorted(samples.iterdir())]
    except RuntimeError as error:
        raise Failure(f"the endpoint did not come up: {error}") from error
    finally:
        session.delete_endpoint(plan.name)
        session.delete_endpoint_config(plan.name)
        session.delete_model(plan.name)
    show(rows)


if __name__ == "__main__":
    main()
