"""Model cards follow AWS's schema, whatever is known about the model."""

import json
from typing import Any

import jsonschema
import pytest

from scripts.model_registry import card
from scripts.model_registry.archive import Summary
from tests.aws.resources.model_registry.card_schema import SCHEMA

HASH = "5" * 64
FINAL = Summary(labels=("a", "b"), metrics={"train_accuracy": 0.9, "train_loss": 0.2}, fingerprints={"training": HASH})
MANY = Summary(
    labels=tuple(f"class {number} {'of a long name ' * 6}" for number in range(200)),
    metrics={"validation_accuracy": 0.9},
    settings={"preset": "best", "classes": "x" * 2500, "augmentation": None, "empty": ""},
    accuracy_per_class={f"class {number} {'of a long name ' * 6}": 0.5 for number in range(200)},
)


def written(summary: Summary, **parameters: str) -> dict[str, Any]:
    text = card.model_card(
        summary, image="image@sha256:1", model_data="s3://b/m.tar.gz", job_arn="", datasets=[], parameters=parameters
    )
    assert len(text) <= 100_000  # the API's limit
    assert "\n" not in text  # its pattern
    found: dict[str, Any] = json.loads(text)
    jsonschema.validate(found, SCHEMA)
    return found


@pytest.mark.parametrize("summary", [Summary(), FINAL, MANY])
def test_every_card_follows_the_schema(summary: Summary) -> None:
    found = written(summary)
    assert found["model_overview"]["model_artifact"] == ["s3://b/m.tar.gz"]
    assert found["intended_uses"]["risk_rating"] == "Unknown"


def test_a_schema_that_allowed_anything_would_be_noticed() -> None:
    wrongs: list[dict[str, Any]] = [{"model_package_details": {}}, {"intended_uses": {"risk_rating": "None"}}]
    for wrong in wrongs:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, SCHEMA)


def test_figures_of_the_training_images_are_not_called_validation() -> None:
    [details] = written(FINAL)["evaluation_details"]
    assert details["name"] == "training"
    assert card.model_quality(FINAL) is None


def test_what_is_too_long_for_a_card_is_shortened_and_shown_so() -> None:
    found = written(MANY)
    assert len(found["intended_uses"]["purpose_of_model"]) == 2048
    [headline, per_class] = found["evaluation_details"][0]["metric_groups"]
    assert headline["metric_data"] == [{"name": "validation_accuracy", "type": "number", "value": 0.9}]
    assert {len(name) for name in per_class["metric_data"][0]["x_axis_name"]} == {63}
    job = found["training_details"]["training_job_details"]
    values = {one["name"]: one["value"] for one in job["user_provided_hyper_parameters"]}
    assert (values["preset"], values["augmentation"]) == ("best", "None")
    assert values["classes"] == f"{'x' * 252}..."
    assert "empty" not in values


def test_a_model_of_another_program_has_the_settings_of_its_job() -> None:
    job = written(Summary(), depth="3")["training_details"]["training_job_details"]
    assert job["user_provided_hyper_parameters"] == [{"name": "depth", "value": "3"}]
