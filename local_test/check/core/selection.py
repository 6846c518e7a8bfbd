"""Choice of points by the option --only: parts, items of the checklist, names.

"hosting,H3,T5-encodings", all points  ->  Selection: names of the chosen points, parts that they are about
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

from local_test.check.core.checklist import ITEMS
from local_test.check.core.points import Part, Point

_RUN = frozenset({Part.TRAINING, Part.HOSTING})


class UnknownWordError(ValueError):
    """A word is no part, no item and no name of a point; the message names it and the nearest that is."""


@dataclass(frozen=True)
class Selection:
    """What is to be checked."""

    names: frozenset[str] = frozenset()
    """Names of the points; empty for all."""
    parts: frozenset[Part] = _RUN
    """What the image is used for: training, hosting or both."""


def selected(words: str, points: Iterable[Point]) -> Selection:
    """Return what *words* choose.

    Args:
        words: parts (hosting), items (H3) or names of points (H3-ping-in-time), separated by commas. The parts training
            and hosting include the points of the image that concern them.
        points: all points of all scenarios.

    Raises:
        UnknownWordError: a word chooses no point.
    """
    by_word: dict[str, set[Point]] = {}
    for point in points:
        for word in (str(point.part), point.name.partition("-")[0], point.name, *_users(point)):
            by_word.setdefault(word, set()).add(point)
    names: set[str] = set()
    parts: set[Part] = set()
    for word in (word.strip() for word in words.split(",")):
        if word not in by_word:
            raise UnknownWordError(_problem(word, by_word))
        names |= {point.name for point in by_word[word]}
        uses = set(_RUN) if word == Part.IMAGE else {part for point in by_word[word] for part in _parts(point)}
        parts |= {Part(word)} if word in _RUN else uses
    return Selection(frozenset(names), frozenset(parts) or _RUN)


def _users(point: Point) -> list[str]:
    """Return the parts training and hosting that a point of the image concerns."""
    return [str(part) for part in _RUN if point.part is Part.IMAGE and point.requires in (None, part)]


def _parts(point: Point) -> set[Part]:
    return {part for part in (point.part, point.requires) if part in _RUN}


def _problem(word: str, known: Iterable[str]) -> str:
    if word in ITEMS:
        return f"no point checks {word}; `python -m local_test points` says why"
    spelled = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), spelled, 1, 0)
    nearest = f", did you mean {spelled[near[0]]}?" if near else ""
    return f"no part ({', '.join(Part)}), item or point is named {word!r}{nearest}"
