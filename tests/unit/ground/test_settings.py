import json
from pathlib import Path

import pytest

from traffic_signs.errors import SettingsError
from traffic_signs.settings.serving import ServingSettings
from traffic_signs.settings.training import TrainingSettings


def read(tmp_path: Path, content: object) -> TrainingSettings:
    path = tmp_path / "hyperparameters.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return TrainingSettings.from_file(path)


@pytest.mark.parametrize(
    "content",
    [
        {"preset": "lenet", "epochs": "3", "learning_rate": "0.5", "split": "random"},
        {"preset": '"lenet"', "epochs": '"3"', "learning_rate": "5e-1", "split": '"random"'},
        {"preset": "lenet", "epochs": 3, "learning_rate": 0.5, "split": "random"},
    ],
    ids=["SDK v3 and boto3", "SDK v2", "plain JSON"],
)
def test_every_encoding_of_hyperparameters_is_understood(tmp_path: Path, content: dict[str, object]) -> None:
    assert read(tmp_path, content) == TrainingSettings("lenet", epochs=3, learning_rate=0.5, split="random")


@pytest.mark.parametrize(
    ("text", "number", "truth", "nothing"),
    [('"lenet"', "0.5", "true", "null"), ("lenet", "0.5", "True", "None"), ("lenet", "0.5", "true", "null")],
    ids=["SDK v2 with source_dir", "SDK v2 without source_dir", "SDK v3"],
)
def test_what_the_sdks_send_for_one_job_is_read_as_the_same(
    tmp_path: Path, text: str, number: str, truth: str, nothing: str
) -> None:
    """For {"preset": "lenet", "learning_rate": 0.5, "final": True, "epochs": None}; sagemaker 2.257.7 and 3.27.0."""
    settings = read(tmp_path, {"preset": text, "learning_rate": number, "final": truth, "epochs": nothing})
    assert settings == TrainingSettings("lenet", epochs=None, learning_rate=0.5, final=True)


@pytest.mark.parametrize("text", ["true", "True", '"true"', True])
def test_a_switch_is_understood_in_every_encoding(tmp_path: Path, text: object) -> None:
    assert read(tmp_path, {"require_gpu": text}).require_gpu is True
    assert read(tmp_path, {"require_gpu": str(text).lower().replace("true", "false")}).require_gpu is False


def test_a_job_without_hyperparameters_gets_the_defaults(tmp_path: Path) -> None:
    assert TrainingSettings.from_file(tmp_path / "missing.json") == read(tmp_path, {}) == TrainingSettings()


def test_the_values_that_a_tuning_job_chose_are_read(tmp_path: Path) -> None:
    """Of a continuous and an integer range and a choice, as SageMaker writes them, with its own name."""
    chosen = {"learning_rate": "0.0031622776601683794", "epochs": "9", "preset": "quick", "batch_size": "64"}
    settings = read(tmp_path, {**chosen, "_tuning_objective_metric": "validation:accuracy"})
    assert settings == TrainingSettings("quick", epochs=9, learning_rate=0.0031622776601683794, batch_size=64)


def test_hyperparameters_of_the_platform_are_ignored(tmp_path: Path) -> None:
    settings = read(tmp_path, {"sagemaker_program": '"x.py"', "_tuning_objective_metric": "validation:accuracy"})
    assert settings == TrainingSettings()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": "3"}, "unknown hyperparameter epoch = '3'; known are allow_unused, batch_size, epochs"),
        ({"epochs": "three"}, "hyperparameter epochs = 'three'; expected a whole number from 1 to 10000"),
        ({"epochs": "0"}, "epochs = '0'"),
        ({"epochs": "2.5"}, "epochs = '2.5'"),
        ({"learning_rate": "nan"}, "learning_rate = 'nan'; expected a number above 0"),
        ({"validation_fraction": "1"}, "validation_fraction = '1'; expected a number between 0 and 1"),
        ({"preset": '"res net"'}, "preset = 'res net'; expected the name of a preset"),
        ({"temperature": "0"}, "temperature = '0'; expected a number from 0.05 to 20"),
        ({"seed": None}, "seed = 'null'"),
        ({"seed": "None"}, "seed = 'None'; expected a whole number from 0"),
        ({"epochs": "[1, 2]"}, "epochs = '[1, 2]'"),
        ({"require_gpu": "1"}, "hyperparameter require_gpu = '1'; expected true or false"),
        ({"require_gpu": "yes"}, "hyperparameter require_gpu = 'yes'; expected true or false"),
        ("[1]", "contains list"),
        ("{", "is not valid JSON"),
    ],
)
def test_a_bad_hyperparameter_is_named_with_its_value(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value)


def test_serving_reads_sagemakers_variables() -> None:
    settings = ServingSettings.from_environment(
        {
            "SAGEMAKER_BIND_TO_PORT": "9000",
            "SAGEMAKER_MODEL_SERVER_WORKERS": "3",
            "SAGEMAKER_MODEL_SERVER_TIMEOUT": "120",
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": "100",
            "SAGEMAKER_CONTAINER_LOG_LEVEL": "10",
            "SERVING_ENGINE": "litert",
        }
    )
    assert settings == ServingSettings(9000, 3, "litert", 120, 100, 10)


def test_serving_reads_the_variables_of_many_models_and_of_pipelines() -> None:
    settings = ServingSettings.from_environment(
        {
            "SAGEMAKER_MULTI_MODEL": "true",
            "SAGEMAKER_SAFE_PORT_RANGE": "9000-9000",
            "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
        }
    )
    assert (settings.multi_model, settings.safe_port_range, settings.default_accept) == (True, "9000-9000", "text/csv")


@pytest.mark.parametrize(
    ("variable", "value", "rule"),
    [
        ("SAGEMAKER_MULTI_MODEL", "1", "true or false"),
        ("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/xml", "one of application/json, "),
        *(
            ("SAGEMAKER_SAFE_PORT_RANGE", value, "two ports, as 9000-9999")
            for value in ("9000", "9001-9000", "0-1", "1-65536", "a-b", "1-2-3", "-1-5", "9000 - 9001")
        ),
    ],
)
def test_a_bad_variable_of_many_models_or_pipelines_is_named(variable: str, value: str, rule: str) -> None:
    with pytest.raises(SettingsError, match=f"^{variable} = '{value}'; expected {rule}"):
        ServingSettings.from_environment({variable: value})


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ("30", "90", "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS = '90' contradicts its other name; set only one of "),
        ("banana", "90", "SAGEMAKER_MODEL_SERVER_TIMEOUT = 'banana'; expected a whole number"),
    ],
)
def test_two_names_of_one_setting_may_not_contradict(first: str, second: str, message: str) -> None:
    names = ("SAGEMAKER_MODEL_SERVER_TIMEOUT", "SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS")
    with pytest.raises(SettingsError, match=f"^{message}"):
        ServingSettings.from_environment(dict(zip(names, (first, second), strict=True)))
    assert ServingSettings.from_environment(dict.fromkeys(names, "90")).timeout_seconds == 90


def test_an_empty_variable_counts_as_unset() -> None:
    empty = {"SAGEMAKER_BIND_TO_PORT": "", "SAGEMAKER_PROGRAM": "", "SAGEMAKER_SUBMIT_DIRECTORY": ""}
    assert ServingSettings.from_environment(empty) == ServingSettings()


def test_a_bad_variable_is_named_with_its_value() -> None:
    with pytest.raises(
        SettingsError, match=r"^SAGEMAKER_BIND_TO_PORT = '80a'; expected a whole number from 1 to 65535"
    ):
        ServingSettings.from_environment({"SAGEMAKER_BIND_TO_PORT": "80a"})
