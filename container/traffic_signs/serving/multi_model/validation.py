"""What a platform says of a model, a name and a directory -> what may be looked for, or an error."""

import re
from pathlib import Path

from traffic_signs.errors import NotLoadedError, RequestError

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}", re.ASCII)
"""A file's name; the platform's own are hashes."""


def validate_new_name(name: str) -> None:
    """Raise RequestError unless a model may be called *name*."""
    if not _NAME.fullmatch(name):
        raise RequestError(f"model_name {name[:100]!r}; expected 1 to 255 letters, digits, '.', '_' and '-'")


def validate_name(name: str) -> None:
    """Raise NotLoadedError if no model can be called *name*: it would become a path."""
    if not _NAME.fullmatch(name):
        raise NotLoadedError(f"model {name[:100]!r} is not loaded")


def resolve_directory(url: str, root: Path) -> Path:
    """Return the directory that *url* names.

    Args:
        url: a path.
        root: the directory that all models lie below, resolved.

    Raises:
        RequestError: no absolute path, or not below *root*, links followed.
        NotLoadedError: there is no such directory.
    """
    try:
        found = Path(url).resolve()
    except (ValueError, OSError, RuntimeError) as error:  # NUL, too long, links in a circle
        raise RequestError(f"url {url[:200]!r} is no path: {error}") from error
    if not Path(url).is_absolute() or root not in found.parents:
        raise RequestError(f"url {url[:200]!r} is not below {root}")
    if not found.is_dir():
        raise NotLoadedError(f"url {url[:200]!r}: there is no such directory")
    return found
