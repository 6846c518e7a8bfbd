"""Processing job that runs the image's data preparation.

Plan -> CreateProcessingJob -> run(client, plan) waits -> arrays below plan.output
"""

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import click

from scripts.aws import session, waiting
from scripts.errors import OperationError

_INPUT, _OUTPUT = "/opt/ml/processing/input/source", "/opt/ml/processing/output"


@dataclass(frozen=True)
class Plan:
    """Specification of a processing job.

    Attributes:
        source: URI of a folder, an archive or a file that lists images.
        output: URI of the folder for the arrays.
        image: URI of the image, with tag or digest.
        role: ARN of the execution role.
        split: "track" or "random".
    """

    name: str
    source: str
    output: str
    image: str
    role: str
    split: str
    instance_type: str
    volume_gb: int
    max_seconds: int

    @property
    def command(self) -> list[str]:
        """The container's command; SageMaker puts a single object into the input's folder, under its own name."""
        path = PurePosixPath(self.source)
        source = f"{_INPUT}/{path.name}" if path.suffix and not self.source.endswith("/") else _INPUT
        return ["python", "-m", "traffic_signs.data", source, "--output", _OUTPUT, "--split", self.split]


def run(client: Any, plan: Plan) -> None:
    """Run the job to its end.

    Args:
        client: boto3's for SageMaker.
        plan: The job.

    Raises:
        Interrupted: the command was interrupted; a job that was started keeps running.
        OperationError: AWS refuses the job, or it failed.
    """
    source = {"S3Uri": plan.source, "LocalPath": _INPUT, "S3DataType": "S3Prefix", "S3InputMode": "File"}
    output = {"S3Uri": plan.output, "LocalPath": _OUTPUT, "S3UploadMode": "EndOfJob"}
    cluster = {"InstanceCount": 1, "InstanceType": plan.instance_type, "VolumeSizeInGB": plan.volume_gb}
    stop = f"aws sagemaker stop-processing-job --processing-job-name {plan.name}"
    # Ctrl-C may come when AWS has started the job and has not answered
    running = f"{plan.name} may run and bill; stop it: {stop}"
    with session.readable_errors("sagemaker", running, starts=True):
        client.create_processing_job(
            ProcessingJobName=plan.name,
            ProcessingInputs=[{"InputName": "source", "S3Input": source}],
            ProcessingOutputConfig={"Outputs": [{"OutputName": "data", "S3Output": output}]},
            ProcessingResources={"ClusterConfig": cluster},
            StoppingCondition={"MaxRuntimeInSeconds": plan.max_seconds},
            AppSpecification={"ImageUri": plan.image, "ContainerEntrypoint": plan.command},
            RoleArn=plan.role,
        )
    with session.readable_errors("sagemaker", running):
        click.echo(f"processing job: {plan.name}")
        description = waiting.wait_until_final(
            plan.name,
            lambda: client.describe_processing_job(ProcessingJobName=plan.name),
            "ProcessingJobStatus",
            ("InProgress", "Stopping"),
        )
    if (status := description["ProcessingJobStatus"]) != "Completed":
        reason = description.get("ExitMessage") or description.get("FailureReason") or "SageMaker gives no reason"
        raise OperationError(f"{plan.name} ended as {status}: {reason}; its log: /aws/sagemaker/ProcessingJobs")
