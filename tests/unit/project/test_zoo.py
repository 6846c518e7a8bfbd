"""The zoo's expected verdicts name points of the check, and its page is the one that the file of results says."""

import pytest

from local_test.check import catalogue
from local_test.check.core.points import Verdict
from tests.zoo import results
from tests.zoo.images import ZOO, Image, every

POINTS = {point.name: point for scenario in catalogue.ALL for point in scenario.points}
IMAGES = every()


def test_every_image_has_its_expected_verdicts() -> None:
    folders = {str(path.parent.relative_to(ZOO)) for path in ZOO.rglob("Dockerfile")}
    assert {image.name for image in IMAGES} == folders
    assert len(IMAGES) >= 17


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_an_expected_fault_is_one_that_the_check_can_report(image: Image) -> None:
    assert image.faults.keys() <= POINTS.keys()
    for name, fault in image.faults.items():
        assert fault.verdict in (Verdict.WARNING, POINTS[name].level), name
        assert fault.reason


@pytest.mark.parametrize("image", IMAGES, ids=lambda image: image.name)
def test_the_last_run_found_what_was_expected_of_the_image_as_it_is(image: Image) -> None:
    found = results.read()[image.name]
    assert results.differences(image, found) == []
    assert found["packages"] == image.packages


def test_the_page_shows_the_last_run() -> None:
    assert results.PAGE.read_text(encoding="utf-8") == results.page(results.read())
