"""The recipes that a job can name."""

import dataclasses

import pytest

from traffic_signs.training.recipe import networks as models
from traffic_signs.training.recipe.presets import PRESETS, Augmentation, Recipe


def test_lenet_is_the_articles_recipe() -> None:
    assert PRESETS["lenet"] == Recipe("lenet", 10, 128, "adam", 0.001, "constant")


def test_every_network_is_there_for_a_preset() -> None:
    assert {recipe.network for recipe in PRESETS.values()} == set(models.NETWORKS)


@pytest.mark.parametrize("settings", [Recipe, Augmentation])
def test_every_field_is_there_for_a_preset(settings: type) -> None:
    made = [recipe if settings is Recipe else recipe.augmentation for recipe in PRESETS.values()]
    for field in dataclasses.fields(settings):
        if field.default is not dataclasses.MISSING:
            assert any(getattr(one, field.name) != field.default for one in made if one is not None), field.name


@pytest.mark.parametrize("name", PRESETS)
def test_networks_are_small_enough_to_serve_from_a_cpu(name: str) -> None:
    assert models.build(PRESETS[name].network, 43).count_params() <= 1_000_000
