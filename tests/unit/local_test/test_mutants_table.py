"""Every point of the check has a mutant and an odd image, and the page shows them; runs nothing."""

import dataclasses

from tests.contract.check.mutants import table
from tests.contract.check.mutants.entry import Variant
from tests.docs import mutants


def test_every_point_has_a_mutant_and_something_odd_and_right() -> None:
    assert table.problems(table.POINTS) == []


def test_what_is_missing_is_named_with_what_to_do() -> None:
    points = [name for name in table.POINTS if name != "H3-ping-empty"]
    assert table.problems([*points, "H3-new"]) == [
        "H3-new: add an Entry, with a mutant and an odd image",
        "H3-ping-empty: there is no such point",
    ]


def test_the_good_image_is_not_a_mutant() -> None:
    good = dataclasses.replace(table.TABLE["H3-ping-empty"], mutant=Variant(), oddity="")
    assert table.problems(["H3-ping-empty"], {"H3-ping-empty": good}) == [
        "H3-ping-empty: the mutant is the good image",
        "H3-ping-empty: say what the mutant and the odd image do",
    ]


def test_the_page_has_the_table() -> None:
    text = mutants.PAGE.read_text(encoding="utf-8")
    assert mutants.page(text) == text, "run: python -m tests.docs.mutants"
