"""Declaration of settings as dataclass fields, and parsing of their strings.

    setting(default, check, rule) in a dataclass; parse or read: strings -> checked values

The type of a field determines how its string is parsed, and its `check` which values are allowed.
The classes are plain dataclasses, because every serving worker would load a validation library
again, with its memory.
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
    """Declare a setting.

    Args:
        default: value of the field when it is not set.
        check: returns whether a value is allowed.
        rule: the allowed values in words, for error messages.
        variables: environment variables that set the field.
    """
    return field(default=default, metadata={"check": check, "rule": rule, "variables": variables})


def whole(minimum: int, maximum: int) -> dict[str, Any]:
    """Return `check` and `rule` for a whole number within bounds."""
    return {"check": lambda value: minimum <= value <= maximum, "rule": f"a whole number from {minimum} to {maximum}"}


def one_of(*names: str) -> dict[str, Any]:
    """Return `check` and `rule` for a choice of *names*."""
    return {"check": lambda value: value in names, "rule": "one of " + ", ".join(names)}


def parse(cls: type[Settings], kind: str, raw: Mapping[str, str]) -> Settings:
    """Build *cls* from strings by field name.

    Args:
        cls: a dataclass whose fields are settings.
        kind: what the user calls a setting, for error messages: `hyperparameter`.
        raw: strings by field name.

    Raises:
        SettingsError: a name is unknown, or a value is not allowed.
    """
    known = {item.name for item in fields(cls)}
    for key, value in raw.items():
        if key not in known:
            raise SettingsError(f"unknown {kind} {key} = {value!r}; known are {', '.join(sorted(known))}")
    optional = {item.name for item in fields(cls) if type(None) in get_args(item.type)}
    # None and null are how the SDKs write the value of a setting that is left open
    values = {
        key: None if key in optional and value in ("None", "null") else read(cls, key, f"{kind} {key}", value)
        for key, value in raw.items()
    }
    return cls(**values)


def read(cls: type[Settings], name: str, label: str, text: str) -> Any:
    """Parse *text* as the type of the field *name*.

    Raises:
        SettingsError: the value is not allowed; the message calls the setting *label*.
    """
    item: Field[Any] = next(item for item in fields(cls) if item.name == name)
    try:
        kind: Any = next((kind for kind in get_args(item.type) if kind is not type(None)), item.type)
        # bool("false") is True; json parses true and false, and any other JSON value fails the check
        value = json.loads(text.lower()) if kind is bool else kind(text)  # kind is str, int or float
        allowed = item.metadata["check"](value)
    except (ValueError, RecursionError):
        allowed = False
    if not allowed:
        raise SettingsError(f"{label} = {text!r}; expected {item.metadata['rule']}")
    return value


def unquote(value: object) -> str:
    """Undo the json.dumps of SDK v2 around strings; `read` knows the other forms of truth values."""
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return decoded if isinstance(decoded, str) else text
