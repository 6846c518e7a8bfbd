"""The search space: what a file may say, and that it is what the training accepts."""

import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import Failure
from scripts.tuning import space, strategy
from scripts.tuning.space import Range
from traffic_signs.errors import SettingsError
from traffic_signs.settings.training import TrainingSettings
from traffic_signs.training.recipe.presets import PRESETS

HEAD = 'objective = "validation:accuracy"\ngoal = "maximize"\n'
RATE = "[search.learning_rate]\n"
RULES: dict[str, dict[str, Any]] = json.loads(space.ALLOWED.read_text(encoding="utf-8"))["properties"]


def accepts(folder: Path, name: str, value: Any) -> bool:
    """Whether a training job takes the value, as SageMaker hands it over."""
    path = folder / "hyperparameters.json"
    path.write_text(json.dumps({name: value if isinstance(value, str) else json.dumps(value)}))
    try:
        TrainingSettings.from_file(path)
    except SettingsError:
        return False
    return True


def read(folder: Path, text: str, **given: Any) -> space.Space:
    path = folder / "space.toml"
    path.write_text(text, encoding="utf-8")
    return space.read(path, given)


def chosen(found: space.Space, name: str, **options: Any) -> strategy.Strategy:
    return strategy.choose(found, **{"strategy": name, "max_jobs": None, "early_stopping": False, "seed": 1, **options})


def test_the_shipped_space_is_read() -> None:
    found = space.read(space.DEFAULT, {"preset": "quick"})
    assert found.searched == {"learning_rate": Range(0.0003, 0.1, True), "batch_size": (32, 64, 128)}
    assert found.fixed == {"preset": "quick"}


def test_every_hyperparameter_of_the_training_is_in_the_schema_with_its_rule() -> None:
    settings = {item.name: item.metadata["rule"] for item in fields(TrainingSettings)}
    settings["preset"] = f"one of {', '.join(PRESETS)}"
    assert {name: rule["description"] for name, rule in RULES.items()} == settings


@pytest.mark.parametrize("name", RULES)
def test_the_bounds_of_the_schema_are_those_of_the_training(name: str, tmp_path: Path) -> None:
    rule = RULES[name]
    if "enum" in rule or rule["type"] == "boolean":
        assert all(accepts(tmp_path, name, value) for value in rule.get("enum", [True, False]))
        assert not accepts(tmp_path, name, "other") or name == "preset"  # the recipes refuse it, after the settings
        return
    step = 1 if rule["type"] == "integer" else math.ulp(1)
    for key, sign in (("minimum", -1), ("maximum", 1)):
        if key in rule:
            assert accepts(tmp_path, name, rule[key])
            assert not accepts(tmp_path, name, rule[key] + sign * step * max(1, abs(rule[key])))
        else:
            bound = rule[f"exclusive{key.capitalize()}"]
            assert accepts(tmp_path, name, bound - sign * 1e-9)
            assert not accepts(tmp_path, name, bound)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{HEAD}{RATE}min = 0.1\nmax = 20", "learning_rate = 20; expected a number above 0 and at most 10"),
        (f"{HEAD}{RATE}min = 0\nmax = 1", "learning_rate = 0; expected a number above 0 and at most 10"),
        (f"{HEAD}{RATE}min = 0.1\nmax = nan", "learning_rate: min = 0.1 is not below max = nan"),
        (f"{HEAD}[search.seed]\nvalues = [1979-05-27, 1979-05-27]", "seed: a value is there twice"),
        (f"{HEAD}{RATE}values = [0.1, inf]", "learning_rate = Infinity; expected a number above 0"),
        (f'{HEAD}{RATE}values = [0.1, "0.2"]', 'learning_rate = "0.2"; expected a number above 0'),
        (f"{HEAD}{RATE}values = [0.1, 0.1]", "a value is there twice: [0.1, 0.1]"),
        (f"{HEAD}{RATE}values = []", "0 values; expected 1 to 30"),
        (f"{HEAD}{RATE}min = 1\nmax = 0.1", "min = 1 is not below max = 0.1"),
        (f"{HEAD}{RATE}min = true\nmax = 2", "min = True; expected a number"),
        (f"{HEAD}{RATE}min = 0.1", "learning_rate: max is missing; expected min, max, scale"),
        (f"{HEAD}{RATE}min = 1\nmax = 2\nstep = 1", "unknown key step; known are min, max, scale"),
        (f'{HEAD}{RATE}min = 1\nmax = 2\nscale = "log"', "scale = 'log'; expected one of linear, logarithmic"),
        (f'{HEAD}{RATE}min = 0.0\nmax = 2\nscale = "logarithmic"', "a logarithmic scale needs a min above 0"),
        (f"{HEAD}[search.epochs]\nmin = 1.0\nmax = 5.0", "epochs = 1.0; expected a whole number from 1 to 10000"),
        (f"{HEAD}[search.preset]\nvalues = ['slow']", 'preset = "slow"; expected one of lenet, quick, fast, best'),
        (f"{HEAD}[search.epoch]\nmin = 1\nmax = 5", "unknown hyperparameter epoch; known are allow_unused, batch_size"),
        (f"{HEAD}[fixed]\nlearning_rate = 1\n{RATE}min = 1\nmax = 2", "space.toml fixes learning_rate, which"),
        (f"{HEAD}[fixed]\nseed = -1\n{RATE}min = 1\nmax = 2", "seed = -1; expected a whole number from 0 to"),
        (f"{HEAD}[fixed]\nfinal = true\n{RATE}min = 1\nmax = 2", "with final = true no images are left to measure"),
        (f"{HEAD}[search.final]\nvalues = [false, true]", "with final = true no images are left to measure"),
        (f"{HEAD}[search]", "search has 0 hyperparameters; expected 1 to 30"),
        (f"{HEAD}[search]\nepochs = 3", "epochs = 3; expected a table with min and max"),
        (HEAD, "search is missing; expected objective, goal, search, fixed"),
        (f'{HEAD.replace("accuracy", "recall")}{RATE}min = 1\nmax = 2', "objective = 'validation:recall'; expected"),
        (f'{HEAD.replace("maximize", "max")}{RATE}min = 1\nmax = 2', "goal = 'max'; expected one of maximize"),
        ("objective = ", "cannot read"),
    ],
)  # fmt: skip
def test_what_a_job_would_refuse_is_named_with_its_value_and_what_is_allowed(
    text: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(Failure) as error:
        read(tmp_path, text)
    assert words in str(error.value)
    assert str(tmp_path / "space.toml") in str(error.value)


def test_a_value_of_the_command_line_replaces_the_fixed_one_and_is_checked(tmp_path: Path) -> None:
    text = f"{HEAD}[fixed]\nepochs = 3\n{RATE}min = 1\nmax = 2"
    assert read(tmp_path, text, epochs=4).fixed == {"epochs": 4}
    with pytest.raises(Failure, match=r"^-p: epochs = 0; expected a whole number from 1 to 10000$"):
        read(tmp_path, text, epochs=0)


def test_whole_numbers_stay_whole_and_others_do_not(tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEAD}{RATE}min = 1\nmax = 2\n[search.epochs]\nmin = 1\nmax = 2").searched
    kinds = {name: (type(values.low), values.is_whole) for name, values in found.items() if isinstance(values, Range)}
    assert kinds == {"learning_rate": (float, False), "epochs": (int, True)}


def test_a_strategy_that_does_not_fit_the_space_is_refused(tmp_path: Path) -> None:
    ranges = read(tmp_path, f"{HEAD}{RATE}min = 1\nmax = 2")
    choices = read(tmp_path, f"{HEAD}{RATE}values = [1, 2]\n[search.split]\nvalues = ['track', 'random']")
    assert chosen(choices, "Grid").jobs == 4
    with pytest.raises(Failure, match="learning_rate is a range; give it values"):
        chosen(ranges, "Grid")
    with pytest.raises(Failure, match="Grid tries all 4 combinations; leave --max-jobs out"):
        chosen(choices, "Grid", max_jobs=3)
    with pytest.raises(Failure, match="add -p epochs=N"):
        chosen(ranges, "Hyperband")
    with pytest.raises(Failure, match="exclude each other: Hyperband ends jobs by itself"):
        chosen(ranges, "Hyperband", early_stopping=True)
