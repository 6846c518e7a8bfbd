"""Each point of the check reports its mutant, and passes unusual but compliant images; see the table's package."""

from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from local_test.check.core.points import Part
from local_test.platform import container
from tests.contract.check.mutants import run
from tests.contract.check.mutants.entry import Variant
from tests.contract.check.mutants.run import Outcome
from tests.contract.check.mutants.table import ODD, POINTS, TABLE, points_of

Outcomes = dict[str, "Future[Outcome]"]


def needs_engine(variant: Variant, point: str) -> bool:
    return variant.container or POINTS[point].part is Part.IMAGE


def marks(variant: Variant, point: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.engine] if needs_engine(variant, point) else []


@pytest.fixture(autouse=True)
def no_mutant_stays() -> None:
    """In place of the other modules' fixture: each run removes its own image."""


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Outcomes]:
    """What is found of each mutant, by its point, and of each odd image, by its name."""
    engine = container.engine_reachable()
    with run.pool() as pool:
        yield {
            **{
                name: pool.submit(run.of_odd, name)
                for name, odd in ODD.items()
                if engine or not needs_engine(odd.variant, points_of(odd)[0])
            },
            **{
                point: pool.submit(run.of_mutant, point)
                for point, entry in TABLE.items()
                if engine or not needs_engine(entry.mutant, point)
            },
        }


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=marks(odd.variant, points_of(odd)[0])) for name, odd in ODD.items()]
)
def test_an_odd_but_correct_image_gets_neither_broken_nor_warning(name: str, outcomes: Outcomes) -> None:
    outcome = outcomes[name].result()
    assert outcome.faults == {}
    assert [wrong for point in points_of(ODD[name]) if (wrong := outcome.wrong_for_oddity(point))] == []


@pytest.mark.parametrize(
    "point", [pytest.param(point, marks=marks(entry.mutant, point)) for point, entry in TABLE.items()]
)
def test_a_mutant_is_reported_at_its_point_and_at_no_other(point: str, outcomes: Outcomes) -> None:
    assert outcomes[point].result().wrong_for_mutant(point) == ""
