"""The tables in docs/configuration.md, made of the settings and presets in the code.

dataclass -> a row a field: its docstring, its default, what it accepts -> between the markers of the page

    <!-- table: serving -->  ... <!-- end -->
"""

import ast
import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from traffic_signs.settings.serving import ServingSettings
from traffic_signs.settings.training import TrainingSettings
from traffic_signs.training.recipe.presets import PRESETS, Augmentation, Recipe

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
_OWN = "TRAFFIC_SIGNS_"
_TABLE = re.compile(r"(<!-- table: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def page(text: str) -> str:
    """Return *text*, a page, with its tables made anew.

    Raises:
        KeyError: a marker names a table that there is none of.
    """
    tables = {
        "serving": lambda: _settings(ServingSettings, lambda name: not name.startswith(_OWN)),
        "own": lambda: _settings(ServingSettings, lambda name: name.startswith(_OWN)),
        "training": lambda: _settings(TrainingSettings, lambda _name: True, "the preset's"),
        "presets": lambda: _presets(Recipe, PRESETS),
        "augmentation": lambda: _presets(Augmentation, {"best": PRESETS["best"].augmentation}),
    }
    return _TABLE.sub(lambda found: f"{found[1]}\n{tables[found[2]]()}\n\n{found[3]}", text)


def meanings(cls: type) -> dict[str, str]:
    """Return the docstring below each field of the dataclass *cls*, in one line; "" for a field without one."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body  # type: ignore[attr-defined] # of a class
    found = {}
    for statement, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign):
            is_text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            found[ast.unparse(statement.target)] = " ".join(following.value.value.split()) if is_text else ""
    return found


def _settings(cls: Any, select: Callable[[str], bool], unset: str = "unset") -> str:
    meaning = meanings(cls)
    rows: list[tuple[str, ...]] = []
    for item in fields(cls):
        names = item.metadata["variables"] or (item.name,)
        if select(names[0]):
            name, default, rule = ", ".join(map(_code, names)), _value(item.default, unset), item.metadata["rule"]
            rows.append((name, default, rule, meaning[item.name]))
    return _rows(("name", "default", "accepts", "meaning"), rows)


def _presets(cls: Any, presets: Any) -> str:
    meaning = meanings(cls)
    rows = [
        (_code(item.name), *(_value(getattr(preset, item.name)) for preset in presets.values()), meaning[item.name])
        for item in fields(cls)
        if item.name != "augmentation"
    ]
    return _rows(("name", *map(_code, presets), "meaning"), rows)


def _rows(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


def _value(value: Any, unset: str = "unset") -> str:
    if value is None or value == "":
        return unset
    return _code(str(value).lower() if isinstance(value, bool) else str(value))


def _code(text: str) -> str:
    return f"`{text}`"


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
