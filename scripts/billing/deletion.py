"""Deletion of what the inventory lists, by kind.

Item -> the call that ends its billing, or that removes it
"""

from typing import Any

from scripts.aws import session
from scripts.billing.item import Item

VERBS = {
    **dict.fromkeys(("training job", "transform job", "tuning job", "processing job"), "stop"),
    "warm pool": "end",
}
"""Kind -> what happens to it; all others are deleted."""


def delete(account: session.Account, item: Item) -> None:
    """Delete or stop *item*, which is no endpoint; a job goes on until AWS has stopped it.

    Raises:
        OperationError: AWS refuses the call.
    """
    client = account.boto.client("sagemaker")
    with session.readable_errors("sagemaker", f"the {item.kind} {item.name} is still there"):
        _call(client, item)


def _call(client: Any, item: Item) -> None:
    match item.kind:
        case "training job":
            client.stop_training_job(TrainingJobName=item.name)
        case "transform job":
            client.stop_transform_job(TransformJobName=item.name)
        case "processing job":
            client.stop_processing_job(ProcessingJobName=item.name)
        case "tuning job":  # stops its training jobs too
            client.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=item.name)
        case "warm pool":  # how AWS documents to end one
            client.update_training_job(TrainingJobName=item.name, ResourceConfig={"KeepAlivePeriodInSeconds": 0})
        case "configuration":
            client.delete_endpoint_config(EndpointConfigName=item.name)
        case "model":
            client.delete_model(ModelName=item.name)
        case _:
            raise ValueError(item.kind)
