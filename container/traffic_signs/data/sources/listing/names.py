"""Names of files made comparable: what was written stays, and is compared in one form.

The same name may come with slashes or backslashes, with "./" before it, in another case in a table than on the disk,
or with its accents composed (NFC) or decomposed (NFD, as macOS writes it).
"""

import os
import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property

from traffic_signs.errors import DataError


def clean(name: str) -> str:
    r"""Return the path *name* with slashes, below the top: .\stop\a.png, /stop/a.png, ../stop/a.png -> stop/a.png.

    It ends with a slash if *name* does.
    """
    if "\\" in name:
        name = name.replace("\\", "/")
    if name.startswith(("/", ".")) or "/." in name or "//" in name:
        name = posixpath.normpath(f"/{name}").lstrip("/") + "/" * name.endswith("/")
    return name


def is_hidden(name: str) -> bool:
    """Return whether a file or one of the folders above it is hidden, or is metadata of macOS."""
    return name.startswith((".", "__MACOSX")) or "/." in name or "/__MACOSX" in name


def printable(name: str) -> str:
    r"""Return *name* with bytes that are not UTF-8 written as \xff.

    Python reads them as surrogates, which neither a file nor an answer of the endpoint can hold.
    """
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode(errors="backslashreplace")
    return name


def composed(name: str) -> str:
    """Return *name* with composed accents (NFC)."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def by_composed(names: Iterable[str]) -> dict[str, str]:
    """Return the different *names* by their composed form.

    Raises:
        DataError: two of them look the same.
    """
    found: dict[str, str] = {}
    for name in dict.fromkeys(names):
        other = found.setdefault(composed(name), name)
        if other != name:
            raise DataError(f"the folders {other!a} and {name!a} have the same name, written in two ways; merge them")
    return found


class Index:
    """Names of files, found as a table writes them: by the exact name, else in any case and form of accents."""

    def __init__(self, names: Iterable[str]) -> None:
        """Index the *names*, which `clean` has returned."""
        self._names = frozenset(names)

    @cached_property
    def _alike(self) -> dict[str, list[str]]:
        alike = defaultdict(list)
        for name in sorted(self._names):
            alike[_key(name)].append(name)
        return alike

    def find(self, name: str) -> str | None:
        """Return the file that the path *name* means, from the top on; None if there is none, or it leads out.

        Raises:
            DataError: two files may be meant.
        """
        if ".." in name and posixpath.normpath(name.replace("\\", "/")).startswith(".."):
            return None
        name = clean(name)
        if name in self._names:
            return name
        found = self._alike.get(_key(name), [])
        if len(found) > 1:
            raise DataError(f"{name} may be {found[0]!a} or {found[1]!a}; remove or rename one of them")
        return found[0] if found else None

    def twins(self, name: str) -> list[str]:
        """Return the other files whose names differ from *name* only by case or accents' form."""
        return [other for other in self._alike.get(_key(name), []) if other != name]


def _key(name: str) -> str:
    return composed(composed(name).casefold())
