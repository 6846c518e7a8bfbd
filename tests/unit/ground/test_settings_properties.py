"""Any text for any setting is a value that is allowed, or one error that names both."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from traffic_signs.errors import SettingsError
from traffic_signs.settings.serving import ServingSettings
from traffic_signs.settings.training import TrainingSettings

VARIABLES = {variable: item.name for item in fields(ServingSettings) for variable in item.metadata["variables"]}
PARAMETERS = [item.name for item in fields(TrainingSettings)]
NESTED = "[" * 2_000
TEXTS = st.one_of(
    st.text(max_size=30),
    st.integers(-2, 2_000_000).map(str),
    st.floats().map(str),
    st.sampled_from(
        ("true", "False", "auto", "text/csv", "a.py", "../a.py", "/opt", "9000-9999", "1_0", " 80 ", "1e3", "٣")
    ),
)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | TEXTS, st.lists, max_leaves=4)


@pytest.mark.parametrize("variable", VARIABLES)
@settings(max_examples=settings().max_examples // 4)
@given(text=TEXTS)
@example(text=NESTED)
@example(text="9" * 5_000)
def test_a_variable_is_read_or_named(variable: str, text: str) -> None:
    try:
        read = ServingSettings.from_environment({variable: text})
    except SettingsError as error:
        message = str(error)
        assert f"{variable} = {text!r}; expected " in message
    else:
        item = next(item for item in fields(ServingSettings) if item.name == VARIABLES[variable])
        value = getattr(read, item.name)
        assert value == item.default if text == "" else item.metadata["check"](value)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("settings") / "hyperparameters.json"


@given(st.dictionaries(st.sampled_from(PARAMETERS) | TEXTS, JSON, max_size=2))
@example({"epochs": NESTED})
@example({"require_gpu": NESTED})
def test_hyperparameters_are_read_or_named(path: Path, values: dict[str, Any]) -> None:
    path.write_text(json.dumps(values), encoding="utf-8")
    try:
        read = TrainingSettings.from_file(path)
    except SettingsError as error:
        message = str(error)
        assert any(f"hyperparameter {key} = " in message for key in values)
    else:
        for item in fields(read):
            value = getattr(read, item.name)
            chosen = item.name in values and value is not None  # null leaves a setting to the preset
            assert item.metadata["check"](value) if chosen else value == item.default


@given(st.binary(max_size=60) | JSON.map(lambda value: json.dumps(value).encode()))
@example(NESTED.encode())
def test_a_file_that_holds_no_hyperparameters_is_named(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=r"^hyperparameters\.json (is not valid JSON|contains)"):
        TrainingSettings.from_file(path)
