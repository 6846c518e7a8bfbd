"""What a model is computed in: asked for, or by what the CPU has."""

import pytest

from traffic_signs.errors import ArtifactError, SettingsError
from traffic_signs.model import artifact
from traffic_signs.serving.engine import precision
from traffic_signs.settings.serving import ServingSettings

FLOAT32 = artifact.Artifact((), (), "best", "", agreement={"model.tflite": {}})
BOTH = artifact.Artifact((), (), "best", "", agreement={"model.tflite": {}, "model.int8.tflite": {}})
OLD = artifact.Artifact((), (), "best", "")


@pytest.mark.parametrize(
    ("asked", "engine", "model", "vnni", "expected"),
    [
        ("auto", "litert", BOTH, True, ("int8", "the CPU has VNNI")),
        ("auto", "litert", BOTH, False, ("float32", "the CPU has no VNNI")),
        ("auto", "litert", FLOAT32, True, ("float32", "the model has no model.int8.tflite")),
        ("auto", "litert", OLD, True, ("float32", "the model has no model.int8.tflite")),
        ("auto", "tensorflow", BOTH, True, ("float32", "the engine is TensorFlow")),
        ("float32", "litert", BOTH, True, ("float32", "TRAFFIC_SIGNS_PRECISION sets it")),
        ("float32", "tensorflow", OLD, True, ("float32", "TRAFFIC_SIGNS_PRECISION sets it")),
        ("int8", "litert", BOTH, False, ("int8", "TRAFFIC_SIGNS_PRECISION sets it")),
    ],
)
def test_int8_is_for_models_and_cpus_that_have_it(
    asked: str, engine: str, model: artifact.Artifact, vnni: bool, expected: tuple[str, str]
) -> None:
    assert precision.choose(asked, engine, model, vnni=vnni) == expected


@pytest.mark.parametrize("model", [FLOAT32, OLD])
def test_int8_of_a_model_without_is_refused(model: artifact.Artifact) -> None:
    with pytest.raises(ArtifactError, match=r"^TRAFFIC_SIGNS_PRECISION = 'int8', .* has no model\.int8\.tflite"):
        precision.choose("int8", "litert", model, vnni=True)


def test_int8_of_tensorflow_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^TRAFFIC_SIGNS_PRECISION = 'int8' with SERVING_ENGINE = 'tensorflow'"):
        precision.choose("int8", "tensorflow", BOTH, vnni=True)


def test_the_setting_has_three_values() -> None:
    assert ServingSettings().precision == "auto"
    for value in ("auto", "float32", "int8"):
        assert ServingSettings.from_environment({"TRAFFIC_SIGNS_PRECISION": value}).precision == value
    with pytest.raises(SettingsError, match=r"^TRAFFIC_SIGNS_PRECISION = 'fp16'; expected one of auto, float32, int8"):
        ServingSettings.from_environment({"TRAFFIC_SIGNS_PRECISION": "fp16"})
