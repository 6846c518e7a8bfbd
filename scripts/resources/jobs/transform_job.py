"""Batch transform job with SageMaker's SDK, in the cloud and in local mode.

Plan -> transform(session, plan): create model -> run job -> answers in plan.output -> delete model
"""

from dataclasses import dataclass
from typing import Any

from scripts import dry_run
from scripts.aws import session, waiting
from scripts.diagnosis import knowledge, report
from scripts.errors import Interrupted, OperationError
from scripts.resources import endpoint

_GPU_AMI = "al2-ami-sagemaker-batch-gpu-535"
"""Host with NVIDIA driver 535, the newest for transform jobs; the only other one, 470, is too old for CUDA 12."""


@dataclass(frozen=True)
class Plan:
    """Specification of a transform job.

    Attributes:
        image: URI of the image, with tag or digest.
        role: ARN of the execution role.
        model_data: URI of model.tar.gz.
        name: Name of the job and of its model.
        inputs: URI, s3:// or file://, of the folder with .npy files.
        output: URI of the folder for the answers.
        instance_count: Number of instances, which share the files.
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
    """Create a model, run the job to its end, delete the model.

    Args:
        sagemaker_session: SageMaker's Session or LocalSession.
        plan: The job.

    Raises:
        Failure: the command lost access to AWS; the job keeps running.
        Interrupted: Ctrl-C; the message says what keeps running.
        OperationError: the job failed; the message has the reason, the last log lines and the likely cause.
    """
    session.quiet_sdk()
    from sagemaker.model import Model

    from scripts.client.accuracy import CONTENT_TYPE

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
    still_running = (
        f"{plan.name} keeps running and billing, {plan.instance_count} x {plan.instance_type} until all is answered;"
        f" stop it: aws sagemaker stop-transform-job --transform-job-name {plan.name};"
        f" then aws sagemaker delete-model --model-name {plan.name}"
    )
    model.create(instance_type=plan.instance_type)
    try:
        sagemaker_session.transform(  # the SDK's Transformer has no TransformAmiVersion
            job_name=plan.name,
            model_name=plan.name,
            strategy="SingleRecord",  # one file is one request: the files are within the limit already
            max_concurrent_transforms=None,
            max_payload=None,
            input_config={
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": plan.inputs}},
                "ContentType": CONTENT_TYPE,
            },
            output_config={"S3OutputPath": plan.output, "Accept": "application/json"},
            resource_config=resources,
            experiment_config=None,
        )
    except KeyboardInterrupt as error:
        raise Interrupted(f"interrupted; if it has started, {still_running}") from error
    except Exception:
        model.delete_model()
        raise
    # a login may expire before the job has ended
    with session.readable_errors(next_step=still_running), dry_run.skipped_waiting():
        description = waiting.wait_until_final(
            plan.name,
            lambda: sagemaker_session.sagemaker_client.describe_transform_job(TransformJobName=plan.name),
            "TransformJobStatus",
            ("InProgress", "Stopping"),
        )
    model.delete_model()
    dry_run.end()
    if description["TransformJobStatus"] != "Completed":
        from scripts.diagnosis import cloud

        reason = description.get("FailureReason") or "SageMaker gives no reason"
        title = f"{plan.name} ended as {description['TransformJobStatus']}: {reason}"
        evidence = cloud.collect(sagemaker_session.boto_session, plan.name, "transform-job")
        raise OperationError(report.failed(title, evidence, knowledge.diagnose(evidence)))
