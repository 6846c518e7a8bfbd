"""Every item of the checklist is checked or named with a reason."""

from local_test.check import catalogue
from local_test.check.core import checklist
from tests.contract.check.test_check import run

POINTS = [point for scenario in catalogue.ALL for point in scenario.points]


def test_every_item_of_the_checklist_is_checked_or_has_a_reason() -> None:
    rows = {row.number: row for row in checklist.table(POINTS, catalogue.NOT_CHECKABLE)}
    assert list(rows) == [f"T{number}" for number in range(1, 21)] + [f"H{number}" for number in range(1, 21)]
    assert not [number for number, row in rows.items() if not row.points and not row.reason]
    assert {"H3-ping-in-time", "H3-no-healthcheck"} <= {point.name for point in rows["H3"].points}
    assert rows["T6"].reason.startswith("Pipe mode")


def test_every_point_and_reason_belongs_to_an_item() -> None:
    names = [point.name for point in POINTS] + list(catalogue.NOT_CHECKABLE)
    assert {name.partition("-")[0] for name in names} == set(checklist.ITEMS)


def test_no_two_points_share_a_name() -> None:
    names = [point.name for point in POINTS]
    assert len(set(names)) == len(names)


def test_every_point_says_what_why_and_what_to_do_in_a_line_each() -> None:
    for point in POINTS:
        assert all(text and "\n" not in text for text in (point.expected, point.source, point.fix)), point.name


def test_the_table_is_printed_with_the_level_of_each_point() -> None:
    done = run("points", COLUMNS="300")
    assert done.returncode == 0
    assert "T12-exit-code: broken" in done.stdout
    assert "H3-ping-by-post: warning" in done.stdout
    assert "routing among instances" in done.stdout
