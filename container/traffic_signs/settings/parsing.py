"""How a settings class declares its fields, and how strings become their values.

A field's type says how its string is read, its `check` what is allowed. Plain dataclasses,
because a validation library would be loaded anew, with its memory, by every serving worker.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import Field, field, fields
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from traffic_signs.errors import SettingsError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")


def setting(default: Any, check: Callable[[Any], bool], rule: str, variables: tuple[str, ...] = ()) -> Any:
    """Declare a field: its default, the test of its value, the rule in words, its variables."""
    return field(default=default, metadata={"check": check, "rule": rule, "variables": variables})


def whole(minimum: int, maximum: int) -> dict[str, Any]:
    """Return check and rule of a whole number within bounds."""
    return {"check": lambda value: minimum <= value <= maximum, "rule": f"a whole number from {minimum} to {maximum}"}


def one_of(*names: str) -> dict[str, Any]:
    """Return check and rule of a choice."""
    return {"check": lambda value: value in names, "rule": "one of " + ", ".join(names)}


def parse(cls: type[Settings], kind: str, raw: Mapping[str, str]) -> Settings:
    """Build *cls* from strings by field name.

    Raises:
        SettingsError: an unknown name or a value that is not allowed; *kind* is what people call a name.
    """
    known = {item.name for item in fields(cls)}
    for key, value in raw.items():
        if key not in known:
            raise SettingsError(f"unknown {kind} {key} = {value!r}; known are {', '.join(sorted(known))}")
    return cls(**{key: read(cls, key, f"{kind} {key}", value) for key, value in raw.items()})


def read(cls: type[Settings], name: str, label: str, text: str) -> Any:
    """Turn *text* into the type of the field *name*, or say what it should have been."""
    item: Field[Any] = next(item for item in fields(cls) if item.name == name)
    try:
        kind: Any = next((kind for kind in get_args(item.type) if kind is not type(None)), item.type)
        # bool("false") is true; json reads true and false, and what else it reads fails the check
        value = json.loads(text.lower()) if kind is bool else kind(text)  # or a str, an int, a float
        allowed = item.metadata["check"](value)
    except (ValueError, RecursionError):
        allowed = False
    if not allowed:
        raise SettingsError(f"{label} = {text!r}; expected {item.metadata['rule']}")
    return value


def unquote(value: object) -> str:
    """Undo SDK v2's json.dumps around strings; numbers look the same in both encodings."""
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return decoded if isinstance(decoded, str) else text
