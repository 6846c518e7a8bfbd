"""The documents that describe a version of a model to people and to SageMaker Studio.

Summary -> model card: AWS's "Model package model card schema" (developer guide, model-registry-details)
Summary -> model quality: SageMaker Model Monitor's statistics of a classifier
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from scripts.model_registry.archive import Summary

_LONGEST_AXIS_NAME, _LONGEST_VALUE, _LONGEST_TEXT = 63, 255, 2048
"""Characters that the schema allows."""
_MOST_BARS = 200
"""Classes up to which the card shows each; it may have 100,000 characters, and the report in S3 has them all."""


def model_card(
    summary: Summary,
    *,
    image: str,
    model_data: str,
    job_arn: str,
    datasets: Sequence[str],
    parameters: Mapping[str, str],
) -> str:
    """Return the model card as JSON; what only people know, such as the risk, is left to them.

    Args:
        summary: What the archives tell; may be empty.
        image: URI of the image by digest.
        model_data: URI of model.tar.gz.
        job_arn: ARN of the training job; may be empty.
        datasets: URIs of the job's data.
        parameters: Hyperparameters of the job, for a model whose archives do not tell its settings.
    """
    settings = {name: str(value) for name, value in (summary.settings or parameters).items()}
    job: dict[str, Any] = {
        "training_arn": job_arn,
        "training_datasets": list(datasets)[:15],
        "training_environment": {"container_image": [image]},
        "user_provided_training_metrics": [{"name": key, "value": value} for key, value in summary.metrics.items()],
        "user_provided_hyper_parameters": [
            {"name": name, "value": _shortened(value, _LONGEST_VALUE)} for name, value in settings.items() if value
        ],
    }
    card: dict[str, Any] = {
        "model_overview": {"model_artifact": [model_data]},
        "intended_uses": {"risk_rating": "Unknown"},
        "training_details": {"training_job_details": {key: value for key, value in job.items() if value}},
    }
    if summary.labels:
        text = f"Classification of images into {len(summary.labels)} classes: {', '.join(summary.labels)}"
        card["intended_uses"]["purpose_of_model"] = _shortened(text, _LONGEST_TEXT)
        # a model of all images has figures of the training images only
        part = "validation" if "validation_accuracy" in summary.metrics else "training"
        card["evaluation_details"] = [{"name": part, "metric_groups": _metric_groups(summary)}]
    details = {f"{part} data fingerprint": value for part, value in summary.fingerprints.items()}
    details |= {f"version of {name}": version for name, version in summary.versions.items()}
    if details:
        card["additional_information"] = {"custom_details": details}
    return json.dumps(card, ensure_ascii=False, allow_nan=False)


def _metric_groups(summary: Summary) -> list[dict[str, Any]]:
    simple = [{"name": name, "type": "number", "value": value} for name, value in summary.metrics.items()]
    groups: list[dict[str, Any]] = [{"name": "headline", "metric_data": simple}]
    if 0 < len(summary.accuracy_per_class) <= _MOST_BARS:
        bars = {
            "name": "accuracy per class",
            "type": "bar_chart",
            "value": list(summary.accuracy_per_class.values()),
            "x_axis_name": [_shortened(name, _LONGEST_AXIS_NAME) for name in summary.accuracy_per_class],
            "y_axis_name": "accuracy",
        }
        groups.append({"name": "per class", "metric_data": [bars]})
    return groups


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def model_quality(summary: Summary) -> str | None:
    """Return the statistics of the validation images as JSON; None without a validation set.

    Source: developer guide, "Model Quality Metrics and Amazon CloudWatch Monitoring", multiclass metrics.
    """
    accuracy = summary.metrics.get("validation_accuracy")
    if accuracy is None:
        return None
    metrics: dict[str, Any] = {"accuracy": {"value": accuracy, "standard_deviation": "NaN"}}
    if summary.confusion:
        metrics["confusion_matrix"] = {
            label: dict(zip(summary.labels, row, strict=True))
            for label, row in zip(summary.labels, summary.confusion, strict=True)
        }
    document: dict[str, Any] = {"multiclass_classification_metrics": metrics}
    if summary.confusion:
        document["dataset"] = {"item_count": sum(map(sum, summary.confusion))}
    return json.dumps(document, ensure_ascii=False, allow_nan=False)
