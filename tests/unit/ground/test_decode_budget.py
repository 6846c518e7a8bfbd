import pytest

from tests.support.bombs import BOMBS, jpeg_of_scans
from traffic_signs.errors import ImageError
from traffic_signs.images import decode_budget, preprocessing

MEGABYTE = 1024 * 1024


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode_budget, "_MAX_CPU_SECONDS", 0.1)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("kind", BOMBS)
def test_an_image_that_takes_long_is_refused(kind: str) -> None:
    with pytest.raises(ImageError, match=r"times as much to decode|more than 0\.1 s of CPU|no BMP, GIF"):
        preprocessing.decode(BOMBS[kind](4 * MEGABYTE))


@pytest.mark.usefixtures("impatient")
def test_images_that_take_long_together_are_refused() -> None:
    small = BOMBS["JPEG of empty segments"](60_000)
    assert preprocessing.decode(small).shape == (32, 32, 1)
    with pytest.raises(ImageError, match=r"more than 0\.1 s of CPU"):
        preprocessing.decode_all([small] * 400)


def test_scans_are_bounded_by_the_pixels_that_they_pass_over() -> None:
    many = jpeg_of_scans(100_000, 48, 48)
    assert many.count(b"\xff\xda") > 5_000
    assert preprocessing.decode(many).shape == (32, 32, 1)
    with pytest.raises(ImageError, match=r"image 1: 8,000,000 pixels take [\d,]+ times as long"):
        preprocessing.decode_all([jpeg_of_scans(19_000, 4_000, 2_000)] * 2)
