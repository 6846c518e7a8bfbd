"""docs/mutants.md: the table of mutants, made of the table in the tests.

TABLE  ->  a row a point, by the parts of the contract  ->  between the markers of the page

    <!-- table: image -->  ... <!-- end -->
"""

import re
from collections.abc import Sequence
from pathlib import Path

from local_test.check.core.points import Part
from tests.contract.check.mutants.table import ODD, POINTS, TABLE

PAGE = Path(__file__).resolve().parents[2] / "docs" / "mutants.md"
_TABLE = re.compile(r"(<!-- table: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def page(text: str) -> str:
    """Return *text*, the page, with its tables made anew.

    Raises:
        KeyError: a marker names a table that there is none of.
    """
    tables = {str(part): _points(part) for part in Part} | {"odd": _odd()}
    return _TABLE.sub(lambda found: f"{found[1]}\n{tables[found[2]]}\n\n{found[3]}", text)


def _points(part: Part) -> str:
    rows = [
        (
            f"`{name}`",
            str(point.level),
            _cell(TABLE[name].fault),
            f"{TABLE[name].odd.name}: {_cell(TABLE[name].oddity)}",
        )
        for name, point in POINTS.items()
        if point.part is part and name in TABLE
    ]
    return _rows(("point", "level", "its mutant", "unusual but compliant"), rows)


def _odd() -> str:
    return _rows(("odd image", "what it is"), [(odd.name, _cell(odd.about)) for odd in ODD.values()])


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("<", r"\<")


def _rows(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
