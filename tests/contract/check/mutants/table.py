"""The table of mutants: an entry for each point, and what is missing.

image, training, requests, lifecycle  ->  TABLE  ->  missing(points), ODD
"""

from collections.abc import Iterable, Mapping

from local_test.check import catalogue
from local_test.check.core.points import Point, Scenario
from tests.contract.check.mutants import image, lifecycle, requests, training
from tests.contract.check.mutants.entry import Entry, Odd

_PARTS = (image.ENTRIES, training.ENTRIES, requests.ENTRIES, lifecycle.ENTRIES)
TABLE: Mapping[str, Entry] = {name: entry for part in _PARTS for name, entry in part.items()}
"""By the names of the points."""
ODD: Mapping[str, Odd] = {entry.odd.name: entry.odd for entry in TABLE.values()}
SCENARIOS: Mapping[str, Scenario] = {point.name: each for each in catalogue.ALL for point in each.points}
"""The scenario that decides a point."""
POINTS: Mapping[str, Point] = {point.name: point for each in catalogue.ALL for point in each.points}


def points_of(odd: Odd) -> list[str]:
    """Return the points at which *odd* is odd."""
    return [name for name, entry in TABLE.items() if entry.odd is odd]


def problems(points: Iterable[str], table: Mapping[str, Entry] = TABLE) -> list[str]:
    """Return what *table* lacks for *points*, or has too much, a sentence each."""
    points = list(points)
    found = [f"{name}: add an Entry, with a mutant and an odd image" for name in points if name not in table]
    found += [f"{name}: there is no such point" for name in table if name not in points]
    for name, entry in table.items():
        if entry.mutant.is_good:
            found.append(f"{name}: the mutant is the good image")
        if not (entry.fault and entry.oddity):
            found.append(f"{name}: say what the mutant and the odd image do")
        found += [f"{name}: {other} is no other point" for other in entry.also if other not in points]
    if sum(map(len, _PARTS)) > len(TABLE):
        found.append("two entries have one name")
    if any(entry.odd is not ODD[entry.odd.name] for entry in TABLE.values()):
        found.append("two odd images have one name")
    return found
