"""moto's Model Registry, as strict as AWS's."""

import json
from typing import Any

import jsonschema
import pytest
from moto.core.responses import ActionResult
from moto.sagemaker.exceptions import AWSValidationException
from moto.sagemaker.models import SageMakerModelBackend
from moto.sagemaker.responses import SageMakerResponse

from tests.aws.resources.model_registry.card_schema import SCHEMA


@pytest.fixture(autouse=True)
def strict_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add what moto 5.2.5 lacks.

    - It keeps no model cards; AWS refuses one that does not follow its schema.
    - It replaces a group that exists; AWS refuses a second one.
    - It takes tags of a version; AWS refuses them, because a version has those of its group.
    - An update drops the metadata that it does not name; AWS changes only what the request names.
    """
    cards: dict[str, dict[str, str]] = {}
    create, describe = SageMakerResponse.create_model_package, SageMakerResponse.describe_model_package
    create_group, update = SageMakerModelBackend.create_model_package_group, SageMakerModelBackend.update_model_package

    def create_strictly(self: Any) -> Any:
        if self._get_param("ModelPackageGroupName") and self._get_param("Tags"):
            raise AWSValidationException("Tags cannot be specified for a versioned model package")
        card = self._get_param("ModelCard") or {}
        try:
            jsonschema.validate(json.loads(card.get("ModelCardContent", "{}")), SCHEMA)
        except jsonschema.ValidationError as error:
            raise AWSValidationException(f"Model card content: {error.message}") from error
        result: Any = create(self).result
        cards[result["ModelPackageArn"]] = card
        return ActionResult(result)

    def describe_with_card(self: Any) -> Any:
        result: Any = describe(self).result
        return ActionResult({**result, "ModelCard": cards.get(result["ModelPackageArn"], {})})

    def create_new_group(self: Any, model_package_group_name: str, **rest: Any) -> Any:
        if model_package_group_name in self.model_package_groups:
            raise AWSValidationException(f"Model Package Group already exists: {model_package_group_name}")
        return create_group(self, model_package_group_name, **rest)

    def update_what_is_named(self: Any, model_package_arn: str, **changes: Any) -> Any:
        package = self.describe_model_package(model_package_arn)
        for name in ("model_approval_status", "approval_description"):
            if changes[name] is None:
                changes[name] = getattr(package, name)
        named = changes["customer_metadata_properties"] or {}
        changes["customer_metadata_properties"] = {**(package.customer_metadata_properties or {}), **named}
        return update(self, model_package_arn, **changes)

    monkeypatch.setattr(SageMakerResponse, "create_model_package", create_strictly)
    monkeypatch.setattr(SageMakerResponse, "describe_model_package", describe_with_card)
    monkeypatch.setattr(SageMakerModelBackend, "create_model_package_group", create_new_group)
    monkeypatch.setattr(SageMakerModelBackend, "update_model_package", update_what_is_named)
