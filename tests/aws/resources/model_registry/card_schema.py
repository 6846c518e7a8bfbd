"""The rules for a version's model card, after the developer guide's "Model package model card schema" (Studio)."""

from typing import Any

SHORT, NAME, TEXT, LONG = ({"type": "string", "maxLength": most} for most in (63, 255, 1024, 2048))


def closed(required: str = "", **properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "additionalProperties": False, "properties": properties, "required": required.split()
    }  # fmt: skip


def many(items: Any, most: int | None = None, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least} | ({"maxItems": most} if most else {})


NAMED = {"type": "string", "minLength": 1, "maxLength": 255}
NUMBER = {"type": "number"}
_AXES = {"notes": TEXT, "x_axis_name": {"anyOf": [SHORT, many(SHORT)]}, "y_axis_name": {"anyOf": [SHORT, many(SHORT)]}}


def metric(kinds: list[str], value: Any) -> dict[str, Any]:
    return closed("name type value", name=NAMED, type={"enum": kinds}, value=value, **_AXES)


METRICS = [
    metric(["number", "string", "boolean"], {"anyOf": [NUMBER, SHORT, {"type": "boolean"}]}),
    metric(["bar_chart"], many(NUMBER, least=1)),
    metric(["linear_graph"], many(many(NUMBER, 2, 2), least=1)),
    metric(["matrix"], many(many(NUMBER, 20, 1), 20, 1)),
]
TRAINING_METRICS = many(closed("name value", name=NAMED, value=NUMBER, notes=TEXT), 50)
HYPERPARAMETERS = many(closed("name value", name=NAMED, value=NAMED), 100)
SCHEMA = closed(
    model_overview=closed(model_creator=TEXT, model_artifact=many(TEXT, 15)),
    intended_uses=closed(
        purpose_of_model=LONG,
        intended_uses=LONG,
        factors_affecting_model_efficiency=LONG,
        risk_rating={"enum": ["High", "Medium", "Low", "Unknown"]},
        explanations_for_risk_rating=LONG,
    ),
    business_details=closed(business_problem=LONG, business_stakeholders=LONG, line_of_business=LONG),
    training_details=closed(
        objective_function={"type": "object"},
        training_observations=TEXT,
        training_job_details=closed(
            training_arn=TEXT,
            training_datasets=many(TEXT, 15),
            training_environment=closed(container_image=many(TEXT, 15)),
            training_metrics=TRAINING_METRICS,
            user_provided_training_metrics=TRAINING_METRICS,
            hyper_parameters=HYPERPARAMETERS,
            user_provided_hyper_parameters=HYPERPARAMETERS,
        ),
    ),
    evaluation_details=many(
        closed(
            "name",
            name={"type": "string", "minLength": 1, "maxLength": 63},
            evaluation_observation=LONG,
            evaluation_job_arn={"type": "string", "maxLength": 256},
            datasets=many(TEXT, 10),
            metadata={"type": "object", "additionalProperties": TEXT},
            metric_groups=many(
                closed(
                    "name metric_data", name={"type": "string", "minLength": 1}, metric_data=many({"anyOf": METRICS})
                )
            ),
        )
    ),
    additional_information=closed(
        ethical_considerations=LONG,
        caveats_and_recommendations=LONG,
        custom_details={"type": "object", "additionalProperties": TEXT},
    ),
)
