"""Validation of what a client names, a model and its directory."""

import re
from pathlib import Path

from traffic_signs.errors import NotLoadedError, RequestError

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}", re.ASCII)
"""File names; the platform's own names are hashes."""


def validate_new_name(name: str) -> None:
    """Raise RequestError unless *name* may be a model's name."""
    if not _NAME.fullmatch(name):
        raise RequestError(f"model_name {name[:100]!r}; expected 1 to 255 letters, digits, '.', '_' and '-'")


def validate_name(name: str) -> None:
    """Raise NotLoadedError if *name* cannot be a model's name, because it becomes part of a path."""
    if not _NAME.fullmatch(name):
        raise NotLoadedError(f"model {name[:100]!r} is not loaded")


def resolve_directory(url: str, root: Path) -> Path:
    """Return the directory that *url* names, with links resolved.

    Args:
        url: a path.
        root: the directory of all models, resolved.

    Raises:
        RequestError: not an absolute path, or not below *root* once resolved.
        NotLoadedError: there is no such directory.
    """
    try:
        found = Path(url).resolve()
    except (ValueError, OSError, RuntimeError) as error:  # NUL, too long, a loop of links
        raise RequestError(f"url {url[:200]!r} is not a path: {error}") from error
    if not Path(url).is_absolute() or root not in found.parents:
        raise RequestError(f"url {url[:200]!r} is not below {root}")
    if not found.is_dir():
        raise NotLoadedError(f"url {url[:200]!r}: there is no such directory")
    return found
