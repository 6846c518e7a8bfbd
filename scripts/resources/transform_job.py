"""One batch transform job on the project's image, by SageMaker's SDK: in the cloud and in local mode alike.

transform(session, plan): model -> job -> answers in plan.output; the model is deleted when the job has ended
"""

from dataclasses import dataclass
from typing import Any

import click

from scripts.aws import session, waiting
from scripts.client import accuracy
from scripts.resources import diagnosis, endpoint

_GPU_AMI = "al2-ami-sagemaker-batch-gpu-535"
"""Host with NVIDIA driver 535, the newest for transform jobs; the other one's, 470, is too old for CUDA 12."""


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
    instance_type: str
    instance_count: int = 1


def transform(sagemaker_session: Any, plan: Plan) -> None:
    """Make a model, run the job to its end, delete the model.

    Args:
        sagemaker_session: SageMaker's Session or LocalSession.
        plan: The job.

    Raises:
        Failure: interrupted, or AWS could not be asked any more; the job goes on.
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
    resources = {"InstanceType": plan.instance_type, "InstanceCount": plan.instance_count}
    if endpoint.has_gpu(plan.instance_type):
        resources["TransformAmiVersion"] = _GPU_AMI
    model.create(instance_type=plan.instance_type)
    try:
        sagemaker_session.transform(  # the SDK's Transformer has no word for the host
            job_name=plan.name,
            model_name=plan.name,
            strategy="SingleRecord",  # a file is a request: the files are cut to the limit already
            max_concurrent_transforms=None,
            max_payload=None,
            input_config={
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": plan.inputs}},
                "ContentType": accuracy.CONTENT_TYPE,
            },
            output_config={"S3OutputPath": plan.output, "Accept": "application/json"},
            resource_config=resources,
            experiment_config=None,
        )
    except Exception:
        model.delete_model()
        raise
    goes_on = (
        f"{plan.name} goes on and bills; stop it: aws sagemaker stop-transform-job --transform-job-name {plan.name}"
        f"; then aws sagemaker delete-model --model-name {plan.name}"
    )
    with session.clear_errors(then=goes_on):  # a login may expire before the job has ended
        description = waiting.settled(
            plan.name,
            lambda: sagemaker_session.sagemaker_client.describe_transform_job(TransformJobName=plan.name),
            "TransformJobStatus",
            ("InProgress", "Stopping"),
        )
    model.delete_model()
    if description["TransformJobStatus"] != "Completed":
        logs = diagnosis.last_lines_of_transform(sagemaker_session.boto_session, plan.name)
        reason = description.get("FailureReason") or "SageMaker gives no reason"
        raise click.ClickException(
            diagnosis.report_transform(plan.name, description["TransformJobStatus"], reason, logs)
        )
