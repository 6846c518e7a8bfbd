"""Resampling keeps within the range of its image, and does not depend on how the image came."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.helpers import encoded
from tests.support.strategies import LOSSLESS, photos, pixels
from traffic_signs.images import preprocessing

TURNS = {
    1: lambda array: array,
    2: lambda array: array[:, ::-1],
    3: lambda array: array[::-1, ::-1],
    4: lambda array: array[::-1],
    5: lambda array: array.transpose(1, 0, 2),
    6: lambda array: np.rot90(array, 1),
    7: lambda array: array[::-1, ::-1].transpose(1, 0, 2),
    8: lambda array: np.rot90(array, -1),
}
"""EXIF's orientations: how a camera stores a picture that is to be turned so."""


@given(photos())
def test_the_pixels_are_gray_of_the_models_size_and_within_the_range_of_the_image(photo: np.ndarray) -> None:
    found = preprocessing.decode(encoded(photo, "PNG"))
    gray = np.asarray(Image.fromarray(photo).convert("L"))
    assert found.shape == (32, 32, 1)
    assert found.dtype == np.uint8
    assert gray.min() <= found.min() <= found.max() <= gray.max()


@given(photos())
def test_a_picture_gives_the_same_pixels_in_every_lossless_format(photo: np.ndarray) -> None:
    expected = preprocessing.decode(encoded(photo, "PNG"))
    for kind, options in LOSSLESS.items():
        np.testing.assert_array_equal(preprocessing.decode(encoded(photo, kind, **options)), expected)


@given(photos())
def test_a_gray_picture_gives_the_same_pixels_with_and_without_colours(photo: np.ndarray) -> None:
    gray = photo[..., 0]
    expected = preprocessing.decode(encoded(gray, "PNG"))
    np.testing.assert_array_equal(
        preprocessing.decode(encoded(np.repeat(gray[..., np.newaxis], 3, -1), "PNG")), expected
    )
    np.testing.assert_array_equal(preprocessing.decode(encoded(gray, "GIF")), expected)


@given(st.integers(1, 100), st.integers(1, 100), st.integers(0, 255))
def test_an_image_of_one_gray_stays_so(height: int, width: int, gray: int) -> None:
    assert (preprocessing.decode(encoded(np.full((height, width), gray, np.uint8), "PNG")) == gray).all()


@given(pixels(1))
def test_an_image_of_the_models_size_is_not_changed(drawn: np.ndarray) -> None:
    np.testing.assert_array_equal(preprocessing.decode(encoded(drawn[0, ..., 0], "PNG")), drawn[0])
    np.testing.assert_array_equal(preprocessing.as_pixels(drawn), drawn)


@pytest.mark.parametrize("orientation", TURNS)
@settings(max_examples=settings().max_examples // 4)
@given(photo=photos())
def test_a_camera_held_in_any_way_gives_the_same_pixels(orientation: int, photo: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(TURNS[orientation](photo))
    expected = preprocessing.decode(encoded(photo, "PNG"))
    np.testing.assert_array_equal(preprocessing.decode(encoded(stored, "PNG", exif=exif)), expected)
