"""Creation of an endpoint with SageMaker's SDK, in the cloud and in local mode.

Plan -> deploy(session, plan): model, configuration, endpoint -> InService

    one model          Model
    multi-model        MultiDataModel: all models below an S3 prefix
    shadow variant     models by the SDK, configuration and endpoint by boto3, because the SDK lacks shadow variants
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.aws import session, waiting
from scripts.diagnosis import knowledge, report
from scripts.errors import Failure, OperationError
from scripts.resources.hosting import Hosting

VARIANT = "AllTraffic"
IN_PROGRESS = ("Creating", "Updating", "SystemUpdating", "RollingBack")
"""Endpoint statuses in which AWS refuses to change or delete the endpoint."""
GPU_AMI = "al2-ami-sagemaker-inference-gpu-3-1"
"""Host with NVIDIA driver 550. The default host may have driver 470, with which a CUDA 12 image finds no GPU."""
_CSV, _JSON = ["text/csv"], ["application/json", "application/jsonlines"]
"""Content types that data capture stores as text; it stores others as base64."""


@dataclass(frozen=True)
class Plan:
    """Specification of an endpoint.

    Attributes:
        image: URI of the image, with tag or digest.
        role: ARN of the execution role.
        model_data: URI of model.tar.gz; for a multi-model endpoint, of the folder with the models.
        name: Name of the endpoint, its model and its configuration.
        serverless_mb: Memory of a serverless endpoint, in MB, in place of instances.
        async_output: S3 folder for the answers of an asynchronous endpoint.
        multi_model: A multi-model endpoint.
        isolated: The container has no network.
        capture_percent: Percentage of requests that data capture stores, with their answers.
        capture_to: S3 folder for captured requests.
        shadow_model: URI of the model.tar.gz of a shadow variant, which has as many instances.
        hosting: Options that the SDK lacks.
    """

    image: str
    role: str
    model_data: str
    name: str
    instance_type: str
    instance_count: int = 1
    serverless_mb: int | None = None
    async_output: str | None = None
    multi_model: bool = False
    isolated: bool = False
    capture_percent: int | None = None
    capture_to: str | None = None
    shadow_model: str | None = None
    hosting: Hosting | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        types = (self.instance_type, *(self.hosting.fallback_type if self.hosting else ()))
        if len(set(map(has_gpu, types))) > 1:
            raise Failure(f"{', '.join(types)}: types with and without a GPU need different hosts; choose one kind")

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables of the container."""
        if self.async_output:  # the platform's limits for asynchronous requests
            return {"SAGEMAKER_MAX_PAYLOAD_IN_MB": "1024", "SAGEMAKER_MODEL_SERVER_TIMEOUT": "3600"}
        if self.serverless_mb:  # the platform starts a container for each concurrent request
            return {"SAGEMAKER_MODEL_SERVER_WORKERS": "1"}
        return {}


def deploy(sagemaker_session: Any, plan: Plan) -> Any:
    """Create model, configuration and endpoint; wait until the endpoint is in service.

    Args:
        sagemaker_session: SageMaker's Session or LocalSession.
        plan: The endpoint.

    Returns:
        A sagemaker.predictor.Predictor; an AsyncPredictor for an asynchronous endpoint.

    Raises:
        OperationError: the endpoint failed; the message has the reason, the last log lines and the likely cause.
    """
    session.quiet_sdk()
    from sagemaker.multidatamodel import MultiDataModel

    if plan.hosting:
        plan.hosting.apply(sagemaker_session.sagemaker_client)
    model = _model(sagemaker_session, plan, plan.name, plan.model_data)
    tags = [{"Key": key, "Value": value} for key, value in plan.tags.items()] or None
    if plan.shadow_model:
        predictor = _deploy_with_shadow(sagemaker_session, plan, model, tags)
    else:
        if plan.multi_model:
            model = MultiDataModel(plan.name, plan.model_data, model=model, sagemaker_session=sagemaker_session)
        options = {"data_capture_config": _capture(sagemaker_session, plan), **_resources(plan)}
        predictor = model.deploy(endpoint_name=plan.name, tags=tags, wait=False, **options)
    _wait(sagemaker_session, plan.name)
    return predictor


def _model(sagemaker_session: Any, plan: Plan, name: str, model_data: str) -> Any:
    from sagemaker.model import Model
    from sagemaker.predictor import Predictor

    return Model(
        image_uri=plan.image,
        model_data=model_data,
        role=plan.role,
        name=name,
        env=plan.environment,
        predictor_cls=Predictor,
        enable_network_isolation=plan.isolated,
        sagemaker_session=sagemaker_session,
    )


def _resources(plan: Plan) -> dict[str, Any]:
    """Return the SDK's arguments for the endpoint's instances or serverless configuration."""
    from sagemaker.async_inference import AsyncInferenceConfig
    from sagemaker.serverless import ServerlessInferenceConfig

    if plan.serverless_mb:
        return {"serverless_inference_config": ServerlessInferenceConfig(plan.serverless_mb, max_concurrency=5)}
    options: dict[str, Any] = {"instance_type": plan.instance_type, "initial_instance_count": plan.instance_count}
    if has_gpu(plan.instance_type):
        options["inference_ami_version"] = GPU_AMI
    if plan.async_output:
        output = plan.async_output.rstrip("/")
        options["async_inference_config"] = AsyncInferenceConfig(output, failure_path=f"{output}/failures")
    return options


def _capture(sagemaker_session: Any, plan: Plan) -> Any:
    from sagemaker.model_monitor import DataCaptureConfig

    if plan.capture_percent is None:
        return None
    return DataCaptureConfig(
        enable_capture=True,
        sampling_percentage=plan.capture_percent,
        destination_s3_uri=plan.capture_to,
        csv_content_types=_CSV,
        json_content_types=_JSON,
        sagemaker_session=sagemaker_session,
    )


def _deploy_with_shadow(sagemaker_session: Any, plan: Plan, model: Any, tags: list[dict[str, str]] | None) -> Any:
    """Create an endpoint whose shadow variant gets a copy of each request; its answers are dropped."""
    from sagemaker import production_variant

    shadow = _model(sagemaker_session, plan, f"{plan.name}-shadow", str(plan.shadow_model))
    resources = _resources(plan)
    variants = []
    for each, variant in ((model, VARIANT), (shadow, "Shadow")):
        each.create(instance_type=plan.instance_type, tags=tags)
        variants.append([production_variant(each.name, variant_name=variant, **resources)])
    parameters: dict[str, Any] = {"ProductionVariants": variants[0], "ShadowProductionVariants": variants[1]}
    if capture := _capture(sagemaker_session, plan):
        parameters["DataCaptureConfig"] = capture._to_request_dict()  # noqa: SLF001 # as the SDK itself calls it
    if tags:
        parameters["Tags"] = tags
    client = sagemaker_session.sagemaker_client
    try:
        client.create_endpoint_config(EndpointConfigName=plan.name, **parameters)
    except BaseException:  # Ctrl-C too: delete-endpoint finds the shadow model only through the configuration
        shadow.delete_model()
        raise
    client.create_endpoint(EndpointName=plan.name, EndpointConfigName=plan.name, Tags=tags or [])
    return model.predictor_cls(plan.name, sagemaker_session)


def has_gpu(instance_type: str) -> bool:
    """Return whether instances of the type have GPUs."""
    return instance_type.startswith(("ml.g", "ml.p"))


def _wait(sagemaker_session: Any, name: str) -> None:
    description = waiting.wait_until_final(
        name,
        lambda: sagemaker_session.sagemaker_client.describe_endpoint(EndpointName=name),
        "EndpointStatus",
        IN_PROGRESS,
    )
    status = description["EndpointStatus"]
    if status != "InService":
        from scripts.diagnosis import cloud

        title = f"{name} did not come into service: {description.get('FailureReason', status)}"
        removal = f"then delete what was created: python -m scripts.delete_endpoint {name}"
        evidence = cloud.collect(sagemaker_session.boto_session, name, "endpoint")
        raise OperationError(report.failed(title, evidence, knowledge.diagnose(evidence), removal))
