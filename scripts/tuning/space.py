"""Search space of a tuning: the objective, the ranges of hyperparameters, and what is the same in all jobs.

space.toml, -p KEY=VALUE  ->  checked against hyperparameters.schema.json and the metric definitions  ->  Space
"""

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.errors import Failure
from scripts.resources.jobs.training_job import METRICS

DEFAULT = Path(__file__).parent / "space.toml"
ALLOWED = Path(__file__).parent / "hyperparameters.schema.json"
"""What the training accepts; a test compares it with the settings in the image."""
_SCALES = ("linear", "logarithmic")
_GOALS = ("maximize", "minimize")
_MOST_VALUES, _MOST_SEARCHED = 30, 30
"""SageMaker's limits: values of a choice, hyperparameters of a search."""


@dataclass(frozen=True)
class Range:
    """A hyperparameter between two numbers, both included; whole numbers only if both are of type int."""

    low: float
    high: float
    logarithmic: bool

    @property
    def is_whole(self) -> bool:
        """Whether the hyperparameter is a whole number."""
        return isinstance(self.low, int)


Choice = tuple[Any, ...]
"""The values of a hyperparameter: texts, numbers or truth values."""


@dataclass(frozen=True)
class Space:
    """A search space.

    Attributes:
        objective: Name of the metric that is compared.
        expression: The metric's regular expression; its group is the value.
        maximize: Whether the highest value is the best.
        fixed: Hyperparameters that are the same in all jobs.
        searched: Hyperparameters that differ, by name.
    """

    objective: str
    expression: str
    maximize: bool
    fixed: Mapping[str, Any]
    searched: Mapping[str, Range | Choice]


def read(path: Path, given: Mapping[str, Any]) -> Space:
    """Read and check a search space.

    Args:
        path: TOML file.
        given: Hyperparameters of the command line, which replace those under `fixed`.

    Raises:
        Failure: the file cannot be read, or a name or value in it is not allowed; the message names both and what is.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(f"cannot read {path}: {error}") from error
    _require(content, str(path), {"objective": str, "goal": str, "search": dict}, {"fixed": dict})
    fixed = content.get("fixed", {}) | dict(given)
    searched = {name: _searched(f"{path}: {name}", entry) for name, entry in content["search"].items()}
    if not 1 <= len(searched) <= _MOST_SEARCHED:
        raise Failure(f"{path}: search has {len(searched)} hyperparameters; expected 1 to {_MOST_SEARCHED}")
    if twice := sorted(fixed.keys() & searched.keys()):
        place = "-p fixes" if twice[0] in given else f"{path} fixes"
        raise Failure(f"{place} {twice[0]}, which {path} searches: remove one of them")
    allowed = _Allowed()
    for name, value in fixed.items():
        allowed.check("-p" if name in given else str(path), name, value)
    for name, values in searched.items():
        for value in (values.low, values.high) if isinstance(values, Range) else values:
            allowed.check(str(path), name, value)
        if isinstance(values, Range) and not allowed.is_whole(name):
            searched[name] = replace(values, low=float(values.low), high=float(values.high))
    objective = content["objective"]
    space = Space(objective, _expression(path, objective), _is_maximize(path, content["goal"]), fixed, searched)
    if objective.startswith("validation:") and _may_be(space, "final", value=True):
        raise Failure(f"{path}: with final = true no images are left to measure {objective} on: leave it out")
    return space


def _searched(place: str, entry: Any) -> Range | Choice:
    if isinstance(entry, dict) and "values" in entry:
        _require(entry, place, {"values": list}, {})
        return _choice(place, entry["values"])
    _require(entry, place, {"min": (int, float), "max": (int, float)}, {"scale": str})
    low, high, scale = entry["min"], entry["max"], entry.get("scale", "linear")
    if not low < high:
        raise Failure(f"{place}: min = {low} is not below max = {high}")
    if scale not in _SCALES:
        raise Failure(f"{place}: scale = {scale!r}; expected one of {', '.join(_SCALES)}")
    if scale == "logarithmic" and low <= 0:
        raise Failure(f"{place}: min = {low}; a logarithmic scale needs a min above 0")
    return Range(low, high, scale == "logarithmic")


def _choice(place: str, values: list[Any]) -> Choice:
    if not 1 <= len(values) <= _MOST_VALUES:
        raise Failure(f"{place}: {len(values)} values; expected 1 to {_MOST_VALUES}")
    if any(value in values[:index] for index, value in enumerate(values)):
        raise Failure(f"{place}: a value is there twice: {json.dumps(values, default=str)}")
    return tuple(values)


class _Allowed:
    """What the training accepts."""

    def __init__(self) -> None:
        self._rules = json.loads(ALLOWED.read_text(encoding="utf-8"))["properties"]

    def is_whole(self, name: str) -> bool:
        return bool(self._rules[name].get("type") == "integer")

    def check(self, place: str, name: str, value: Any) -> None:
        """Raise Failure if the training would refuse the value of a hyperparameter."""
        from jsonschema import Draft202012Validator

        if name not in self._rules:
            raise Failure(f"{place}: unknown hyperparameter {name}; known are {', '.join(sorted(self._rules))}")
        # JSON Schema takes 3.0 for a whole number, and NaN for one within any bounds
        is_wrong = isinstance(value, float) and (self.is_whole(name) or not math.isfinite(value))
        if is_wrong or not Draft202012Validator(self._rules[name]).is_valid(value):
            shown = json.dumps(value, default=str)
            raise Failure(f"{place}: {name} = {shown}; expected {self._rules[name]['description']}")


def _expression(path: Path, objective: str) -> str:
    metrics = {each["Name"]: each["Regex"] for each in json.loads(METRICS.read_text(encoding="utf-8"))}
    if objective not in metrics:
        raise Failure(f"{path}: objective = {objective!r}; expected one of {', '.join(metrics)}, which the jobs log")
    return str(metrics[objective])


def _is_maximize(path: Path, goal: str) -> bool:
    if goal not in _GOALS:
        raise Failure(f"{path}: goal = {goal!r}; expected one of {', '.join(_GOALS)}")
    return goal == "maximize"


def _may_be(space: Space, name: str, *, value: Any) -> bool:
    choice = space.searched.get(name, ())
    return space.fixed.get(name) is value or (not isinstance(choice, Range) and value in choice)


def _require(entry: Any, place: str, needed: Mapping[str, Any], optional: Mapping[str, Any]) -> None:
    """Raise Failure unless *entry* is a table with these keys, of these types."""
    known = {**needed, **optional}
    if not isinstance(entry, dict):
        raise Failure(f"{place} = {entry!r}; expected a table with {' and '.join(needed)}")
    if missing := [key for key in needed if key not in entry]:
        raise Failure(f"{place}: {missing[0]} is missing; expected {', '.join(known)}")
    for key, value in entry.items():
        if key not in known:
            raise Failure(f"{place}: unknown key {key}; known are {', '.join(known)}")
        if not isinstance(value, known[key]) or isinstance(value, bool):
            raise Failure(f"{place}: {key} = {value!r}; expected {_TYPES[known[key]]}")


_TYPES = {str: "a text", dict: "a table", list: "a list", (int, float): "a number"}
