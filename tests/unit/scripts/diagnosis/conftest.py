"""The words that the check's option --only takes."""

import pytest

from local_test.check import catalogue


@pytest.fixture(scope="session")
def points() -> set[str]:
    """Parts, items that have a point, and names of points."""
    found = [point for scenario in catalogue.ALL for point in scenario.points]
    return {word for point in found for word in (str(point.part), point.name.partition("-")[0], point.name)}
