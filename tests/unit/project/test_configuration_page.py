"""docs/configuration.md says what the code does."""

from dataclasses import fields

import pytest

from tests.docs import configuration
from traffic_signs.settings.serving import ServingSettings
from traffic_signs.settings.training import TrainingSettings
from traffic_signs.training.recipe.presets import Augmentation, Recipe


def test_the_page_has_the_settings_of_the_code() -> None:
    text = configuration.PAGE.read_text(encoding="utf-8")
    assert configuration.page(text) == text, "run: python -m tests.docs.configuration"


@pytest.mark.parametrize("cls", [ServingSettings, TrainingSettings, Recipe, Augmentation])
def test_every_setting_has_a_meaning(cls: type) -> None:
    meanings = configuration.meanings(cls)
    assert list(meanings) == [item.name for item in fields(cls)]
    assert [name for name, meaning in meanings.items() if not meaning] == []
