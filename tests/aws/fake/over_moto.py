"""The fakes in place of moto's own operations, in its server: models, alarms, images and all else stay moto's."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from moto.cloudwatch.models import cloudwatch_backends
from moto.core.responses import ActionResult
from moto.sagemaker.models import sagemaker_backends
from moto.sagemaker.responses import SageMakerResponse

from tests.aws.cloud import ACCOUNT, REGION
from tests.aws.fake.hosting import Hosting

_OPERATIONS = (
    "create_endpoint_config", "describe_endpoint_config", "list_endpoint_configs", "delete_endpoint_config",
    "create_endpoint", "describe_endpoint", "list_endpoints", "update_endpoint", "delete_endpoint",
    "list_tags", "add_tags", "delete_tags",  # those of other resources are moto's
)  # fmt: skip


def install(monkeypatch: pytest.MonkeyPatch) -> Hosting:
    """Return the endpoints of the account, which moto's server in this process serves until the test ends."""
    backend, cloudwatch = sagemaker_backends[ACCOUNT][REGION], cloudwatch_backends[ACCOUNT][REGION]

    def container(name: str) -> dict[str, Any] | None:
        model = backend._models.get(name)  # noqa: SLF001 # describe_model raises in place of None
        return {"Image": "", **model.primary_container} if model else None

    def state(name: str) -> str | None:
        alarm = cloudwatch.alarms.get(name)
        return str(alarm.state_value) if alarm else None

    hosting = Hosting(f"arn:aws:sagemaker:{REGION}:{ACCOUNT}", container, state)

    def served(operation: str) -> Callable[[Any], ActionResult]:
        moto: Callable[[Any], ActionResult] = getattr(SageMakerResponse, operation, lambda _: ActionResult({}))

        def answer(response: Any) -> ActionResult:
            found = getattr(hosting, operation)(json.loads(response.body))
            return moto(response) if found is None else ActionResult(found)

        return answer

    for operation in _OPERATIONS:
        monkeypatch.setattr(SageMakerResponse, operation, served(operation), raising=False)
    return hosting
