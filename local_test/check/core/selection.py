"""Choice of points by the option --only: parts, items of the checklist, names.

"hosting,H3,T5-encodings", all points  ->  names of the chosen points
"""

import difflib
from collections.abc import Iterable

from local_test.check.core.checklist import ITEMS
from local_test.check.core.points import Part, Point


class UnknownWordError(ValueError):
    """A word is no part, no item and no name of a point; the message names it and the nearest that is."""


def selected(words: str, points: Iterable[Point]) -> frozenset[str]:
    """Return the names of the points that *words* choose.

    Args:
        words: parts (hosting), items (H3) or names of points (H3-ping-in-time), separated by commas.
        points: all points of all scenarios.

    Raises:
        UnknownWordError: a word chooses no point.
    """
    by_word: dict[str, set[str]] = {}
    for point in points:
        for word in (str(point.part), point.name.partition("-")[0], point.name):
            by_word.setdefault(word, set()).add(point.name)
    names: set[str] = set()
    for word in (word.strip() for word in words.split(",")):
        if word not in by_word:
            raise UnknownWordError(_problem(word, by_word))
        names |= by_word[word]
    return frozenset(names)


def _problem(word: str, known: Iterable[str]) -> str:
    if word in ITEMS:
        return f"no point checks {word}; `python -m local_test points` says why"
    spelled = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), spelled, 1, 0)
    nearest = f", did you mean {spelled[near[0]]}?" if near else ""
    return f"no part ({', '.join(Part)}), item or point is named {word!r}{nearest}"
