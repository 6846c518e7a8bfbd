"""The command that runs SageMaker's local mode with SDK version 3, without an AWS account.

file:// channels -> ModelTrainer.train -> OUTPUT/model.tar.gz -> ModelBuilder.build -> LocalSession's clients

Version 3 has ModelTrainer and ModelBuilder where version 2 has Estimator and Model. The two cannot share an
environment: this command runs in .venv-sdk-v3, the project's cloud commands use version 2.
"""

import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import click

from scripts.aws import local_mode
from scripts.aws.session import PREFIX, SDK_DEFAULTS, require_sdk
from scripts.client.endpoint import predictions
from scripts.errors import OperationError
from scripts.options import Command, result
from scripts.parsing import parse_pairs

_DUMMY_CREDENTIALS = {
    # the SDK makes clients when it is imported, and its own sessions later
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_DEFAULT_REGION": "us-east-1",
    "SAGEMAKER_VALIDATE_ROLE": "false",
}


@click.command(
    cls=Command,
    epilog="""\b
    Example:
      python -m scripts.sdk_v3 --image traffic-signs:cpu \\
        --training results/synthetic/data/training --samples results/synthetic/data/samples -p epochs=3
    """,
)
@click.option("--image", required=True, help="Image for training and serving.")
@click.option("--training", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--samples", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="Folder of image files to predict.")  # fmt: skip
@click.option("--output", type=click.Path(path_type=Path), default="results/sdk-v3", show_default=True)
@click.option("--port", default=8080, show_default=True, help="Port of the endpoint on this machine.")
@click.option("-p", "--hyperparameter", "hyperparameters", multiple=True, metavar="KEY=VALUE",
              help="Repeatable.")  # fmt: skip
def main(
    *, image: str, training: Path, samples: Path, output: Path, port: int, hyperparameters: tuple[str, ...]
) -> None:
    """Train, deploy, predict and delete in local mode; write the archives of model and report to --output."""
    require_sdk(3)
    with local_mode.container_root(image) as folder:
        _isolate(folder)
        _train(image, training, parse_pairs(hyperparameters), folder)
        shutil.copytree(folder / "compressed_artifacts", output, dirs_exist_ok=True)
        click.echo(f"artifact: {output / 'model.tar.gz'}")
        result(artifact=str(output / "model.tar.gz"))
        _predict(_build_model(image, folder), sorted(samples.iterdir()), folder, port)


def _isolate(folder: Path) -> None:
    """Hide the user's AWS account from the SDK, and turn off its telemetry; call it before the SDK is imported."""
    settings = folder / "config.yaml"
    settings.write_text(json.dumps(SDK_DEFAULTS), encoding="utf-8")  # JSON is YAML
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)
    os.environ.update(_DUMMY_CREDENTIALS, SAGEMAKER_USER_CONFIG_OVERRIDE=str(settings))


def _train(image: str, training: Path, hyperparameters: dict[str, str], folder: Path) -> None:
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.train import ModelTrainer
    from sagemaker.train.configs import Compute, InputData
    from sagemaker.train.model_trainer import Mode

    # without source_code the SDK sets no command, so the image's own, `train`, runs
    trainer = ModelTrainer(
        training_image=image,
        training_mode=Mode.LOCAL_CONTAINER,
        compute=Compute(instance_type="local_cpu", instance_count=1),
        role=local_mode.ROLE,
        sagemaker_session=Session(),
        base_job_name=PREFIX,
        hyperparameters=hyperparameters,
        local_container_root=str(folder),
    )
    try:
        trainer.train(input_data_config=[InputData(channel_name="training", data_source=str(training.resolve()))])
    except RuntimeError as error:
        raise OperationError(f"the training job failed; see its log above: {error}") from error


def _build_model(image: str, folder: Path) -> str:
    """Create a local model of *image* and the archive with ModelBuilder; return its name."""
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.serve import ModelBuilder
    from sagemaker.serve.mode.function_pointers import Mode

    place = folder / "endpoint"
    place.mkdir()
    shutil.copy(folder / "compressed_artifacts" / "model.tar.gz", place)
    model = ModelBuilder(
        image_uri=image,
        model_path=str(place),
        s3_model_data_url=f"file://{place}",  # else the SDK asks AWS for a bucket
        mode=Mode.LOCAL_CONTAINER,
        role_arn=local_mode.ROLE,
        instance_type="local",
        sagemaker_session=Session(),
    ).build()
    return str(model.model_name)


def _predict(model: str, files: Iterable[Path], folder: Path, port: int) -> None:
    """Serve *model* on *port*, print its answers to *files*, delete it.

    The SDK's local client creates the endpoint: ModelBuilder.deploy_local pulls even a local image from a registry, and
    starts only model servers that it knows.
    """
    from sagemaker.core.local import LocalSession

    from scripts.client.answers import show

    session = LocalSession()
    session.config = {"local": {"container_root": str(folder), "serving_port": port}}
    client, runtime = session.sagemaker_client, session.sagemaker_runtime_client
    variant = {"VariantName": "all", "ModelName": model, "InstanceType": "local", "InitialInstanceCount": 1}
    rows = []
    client.create_endpoint_config(model, [variant])
    try:
        client.create_endpoint(model, model)
        for file in files:
            answered = runtime.invoke_endpoint(file.read_bytes(), model, ContentType="image/x-unknown")
            rows.append((file.name, predictions(answered["Body"].read())[0]))
    except RuntimeError as error:
        raise OperationError(f"the endpoint failed: {error}") from error
    finally:
        client.delete_endpoint(model)
        client.delete_endpoint_config(model)
        client.delete_model(model)
    result(predictions=[{"image": name, **answer} for name, answer in rows])
    show(rows)


if __name__ == "__main__":
    main()
