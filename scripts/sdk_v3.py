"""The same training with SageMaker's SDK version 3, in its local mode, without an AWS account.

file:// channels -> ModelTrainer.train -> OUTPUT/model.tar.gz

Version 3 has neither Estimator nor Model and cannot share an environment with version 2: it runs in
.venv-sdk-v3. The project's cloud commands use version 2; this shows that the image works with both.
"""

import os
import shutil
from pathlib import Path

import boto3
import click

from scripts import local_mode
from scripts.endpoint import Failure
from scripts.session import PREFIX, SDK_DEFAULTS, pairs

_ROLE = "arn:aws:iam::111122223333:role/not-used-in-local-mode"


@click.command(
    epilog="""\b
    Example:
      python -m scripts.sdk_v3 --image traffic-signs:cpu --training data/synthetic/training -p epochs=3
    """
)
@click.option("--image", required=True, help="Image to train with.")
@click.option("--training", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--output", type=click.Path(path_type=Path), default="results/sdk-v3", show_default=True)
@click.option("-p", "--hyperparameter", "hyperparameters", multiple=True, metavar="KEY=VALUE")
def main(*, image: str, training: Path, output: Path, hyperparameters: tuple[str, ...]) -> None:
    """Train with ModelTrainer in local mode; the archives of model and report land in --output."""
    os.environ["SAGEMAKER_VALIDATE_ROLE"] = "false"  # there is no account to ask about the role
    from sagemaker.core.helper.session_helper import Session  # noqa: PLC0415 # slow, and not needed for --help
    from sagemaker.train import ModelTrainer  # noqa: PLC0415 # as above
    from sagemaker.train.configs import Compute, InputData  # noqa: PLC0415 # as above
    from sagemaker.train.model_trainer import Mode  # noqa: PLC0415 # as above

    nobody = boto3.Session(aws_access_key_id="none", aws_secret_access_key="none", region_name="us-east-1")  # noqa: S106 # opens nothing
    with local_mode.scratch(image) as folder:
        # without source_code the SDK names no command, so the image's own, `train`, runs
        trainer = ModelTrainer(
            training_image=image,
            training_mode=Mode.LOCAL_CONTAINER,
            compute=Compute(instance_type="local_cpu", instance_count=1),
            role=_ROLE,
            sagemaker_session=Session(boto_session=nobody, sagemaker_config=SDK_DEFAULTS),
            base_job_name=PREFIX,
            hyperparameters=pairs(hyperparameters),
            local_container_root=str(folder),
        )
        try:
            trainer.train(input_data_config=[InputData(channel_name="training", data_source=str(training.resolve()))])
        except RuntimeError as error:
            raise Failure(f"the training job failed, its log is above: {error}") from error
        output.mkdir(parents=True, exist_ok=True)
        for archive in (folder / "compressed_artifacts").iterdir():
            shutil.copy(archive, output)
    click.echo(f"artifact: {output / 'model.tar.gz'}")


if __name__ == "__main__":
    main()
