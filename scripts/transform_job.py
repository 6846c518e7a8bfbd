"""One batch transform job on the project's image, by SageMaker's Transformer: in the cloud and in local mode alike.

transform(session, plan): model -> job -> answers in plan.output; the model is deleted when the job has ended
"""

from dataclasses import dataclass
from typing import Any

import click

from scripts import diagnosis, evaluate, session, waiting
from scripts.endpoint import Failure


@dataclass(frozen=True)
class Plan:
    """What a transform job is made of.

    Attributes:
        image: URI of the image, with tag or digest.
        role: ARN of the execution role.
        model_data: URI of model.tar.gz.
        name: Of the job and of its model.
        inputs: URI, s3:// or file://, of the folder with .npy files.
        output: URI of the folder for the answers.
        instance_count: The files are shared out among so many instances.
    """

    image: str
    role: str
    model_data: str
    name: str
    inputs: str
    output: str
    instance_type: str = "ml.c5.large"
    instance_count: int = 1


def transform(sagemaker_session: Any, plan: Plan) -> None:
    """Make a model, run the job to its end, delete the model.

    Args:
        sagemaker_session: SageMaker's Session or LocalSession.
        plan: The job.

    Raises:
        Failure: interrupted; the job goes on.
        click.ClickException: the job failed; with the reason, the last log lines and the likely cause.
    """
    session.quiet_sdk()
    from sagemaker.model import Model  # noqa: PLC0415 # slow, and not needed for --help

    model = Model(
        image_uri=plan.image,
        model_data=plan.model_data,
        role=plan.role,
        name=plan.name,
        sagemaker_session=sagemaker_session,
    )
    transformer = model.transformer(
        plan.instance_count,
        plan.instance_type,
        strategy="SingleRecord",  # a file is a request: the files are cut to the limit already
        output_path=plan.output,
        accept="application/json",
    )
    try:
        transformer.transform(plan.inputs, content_type=evaluate.CONTENT_TYPE, job_name=plan.name, wait=False)
    except Exception:
        model.delete_model()
        raise
    try:
        description = waiting.settled(
            plan.name,
            lambda: sagemaker_session.sagemaker_client.describe_transform_job(TransformJobName=plan.name),
            "TransformJobStatus",
            ("InProgress", "Stopping"),
        )
    except KeyboardInterrupt as error:
        raise Failure(
            f"{plan.name} goes on and bills; stop it: aws sagemaker stop-transform-job --transform-job-name {plan.name}"
            f"; then aws sagemaker delete-model --model-name {plan.name}"
        ) from error
    model.delete_model()
    if description["TransformJobStatus"] != "Completed":
        logs = diagnosis.last_lines_of_transform(sagemaker_session.boto_session, plan.name)
        reason = description.get("FailureReason") or "SageMaker gives no reason"
        raise click.ClickException(
            diagnosis.report_transform(plan.name, description["TransformJobStatus"], reason, logs)
        )
