import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.support.helpers import encoded
from traffic_signs.errors import BoxError, ImageError
from traffic_signs.images import preprocessing

PHOTO = np.random.default_rng(1).integers(0, 256, (47, 61, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", ["PPM", "BMP", "WEBP"])
def test_lossless_formats_of_one_picture_give_identical_pixels(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    pixels = preprocessing.decode(encoded(PHOTO, kind, **options))
    assert pixels.shape == (32, 32, 1)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, preprocessing.decode(encoded(PHOTO, "PNG")))


def test_an_image_of_the_models_size_is_not_changed() -> None:
    gray = PHOTO[:32, :32, 0]
    np.testing.assert_array_equal(preprocessing.decode(encoded(gray, "PNG"))[..., 0], gray)


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (2000, 1500)])
def test_any_size_is_read(size: tuple[int, int]) -> None:
    pixels = preprocessing.decode(encoded(np.full(size, 77, np.uint8), "PNG"))
    assert (pixels == 77).all()


def test_jpeg_is_close_to_its_original() -> None:
    ramp = np.tile(np.arange(0, 250, dtype=np.uint8), (250, 1))
    difference = preprocessing.decode(encoded(ramp, "JPEG", quality=95)).astype(int) - preprocessing.decode(
        encoded(ramp, "PNG")
    )
    assert abs(difference).max() <= 6


def test_sixteen_bits_a_pixel_are_scaled_not_clipped() -> None:
    deep = np.full((32, 32), 0x8000, np.uint16)
    assert (preprocessing.decode(encoded(deep, "PNG")) == 128).all()


def test_a_photo_is_turned_upright_by_its_exif_tag() -> None:
    gray = np.zeros((64, 64), np.uint8)
    gray[:32] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned = preprocessing.decode(encoded(gray, "PNG", exif=exif))
    assert turned[:15].max() < 5
    assert turned[17:].min() > 250


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_a_box_is_read_as_if_it_had_been_cut_out(kind: str) -> None:
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (300, 400, 3), dtype=np.uint8))
    stream, part = io.BytesIO(), io.BytesIO()
    picture.save(stream, kind)
    with Image.open(stream) as stored:
        stored.convert("RGB").crop((90, 40, 190, 100)).save(part, "PNG")
    pixels = preprocessing.decode(stream.getvalue(), box=(89.6, 40, 190.4, 99.5))
    np.testing.assert_allclose(pixels, preprocessing.decode(part.getvalue()), atol=1)


def test_a_box_that_rounding_has_moved_over_the_edge_is_the_whole_image() -> None:
    data = encoded(np.random.default_rng(1).integers(0, 256, (30, 40), dtype=np.uint8), "PNG")
    pixels = preprocessing.decode(data, box=(-0.4, -0.9, 40.3, 30.99))
    assert np.array_equal(pixels, preprocessing.decode(data))


def test_a_box_in_an_image_that_its_tag_turns_is_refused() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = encoded(np.zeros((30, 40), np.uint8), "JPEG", exif=exif)
    with pytest.raises(BoxError, match="a box in an image with an EXIF orientation has two meanings"):
        preprocessing.decode(data, box=(0, 0, 9, 9))
    exif[ExifTags.Base.Orientation] = 1
    assert preprocessing.decode(encoded(np.zeros((30, 40), np.uint8), "JPEG", exif=exif), box=(0, 0, 9, 9)).max() == 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no BMP, GIF"),
        (b"not an image", "no BMP, GIF"),
        (encoded(PHOTO, "PNG")[:200], "not a readable image"),
        (encoded(PHOTO, "JPEG")[:700], "truncated"),
        (b"P6\n99999 99999\n255\n", "pixels"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "no BMP, GIF"),
        (b"Pf\n32 32\n-1.0\n" + np.full((32, 32), 0.5, "<f4").tobytes(), "floating-point values"),
    ],
    ids=["empty", "text", "cut PNG", "cut JPEG", "bomb", "PostScript", "PFM"],
)
def test_a_file_that_is_not_an_image_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        preprocessing.decode(data)


def test_a_compressed_bomb_is_refused_by_its_header() -> None:
    stream = io.BytesIO()
    Image.new("1", (8_000, 8_000)).save(stream, "PNG")
    assert len(stream.getvalue()) < 20_000
    with pytest.raises(ImageError, match="8000 x 8000 pixels; at most 32,000,000"):
        preprocessing.decode(stream.getvalue())


@pytest.mark.parametrize("shape", [(5, 32, 32, 1), (5, 32, 32)])
@pytest.mark.parametrize("dtype", ["uint8", "int64", "float32", "float64"])
def test_whole_numbers_of_any_dtype_are_pixels(shape: tuple[int, ...], dtype: str) -> None:
    array = np.random.default_rng(2).integers(0, 256, shape).astype(dtype)
    pixels = preprocessing.as_pixels(array)
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels.reshape(shape), array)


@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 1)])
def test_a_single_image_becomes_a_batch_of_one(shape: tuple[int, ...]) -> None:
    assert preprocessing.as_pixels(np.zeros(shape, np.uint8)).shape == (1, 32, 32, 1)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_rgb_arrays_become_gray_as_rgb_images_do(dtype: str) -> None:
    rgb = np.random.default_rng(3).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    expected = np.stack([preprocessing.decode(encoded(picture, "PNG")) for picture in rgb])
    np.testing.assert_array_equal(preprocessing.as_pixels(rgb.astype(dtype)), expected)
    np.testing.assert_array_equal(preprocessing.as_pixels(rgb[0].astype(dtype)), expected[:1])
    np.testing.assert_array_equal(preprocessing.as_pixels(np.asfortranarray(rgb.astype(dtype))), expected)


def test_several_images_keep_their_order() -> None:
    files = [encoded(np.full((size, 50), size, np.uint8), "PNG") for size in (9, 3, 7)]
    assert preprocessing.decode_all(files)[:, 0, 0, 0].tolist() == [9, 3, 7]


def test_one_bad_image_of_several_is_named() -> None:
    with pytest.raises(ImageError, match="image 1: not a readable image"):
        preprocessing.decode_all([encoded(PHOTO, "PNG"), b"x"])


def test_images_are_bounded_together_too() -> None:
    stream = io.BytesIO()
    Image.new("1", (4_000, 8_000)).save(stream, "PNG")
    with pytest.raises(ImageError, match="image 4: the images have too many pixels; at most 128,000,000 pixels"):
        preprocessing.decode_all([stream.getvalue()] * 5)
    with pytest.raises(ImageError, match="10,001 encoded images; at most 10,000"):
        preprocessing.decode_all([b""] * 10_001)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((2, 28, 28)), r"shape \[2, 28, 28\]"),
        (np.zeros((2, 32, 32, 4), np.uint8), r"shape \[2, 32, 32, 4\]"),
        (np.zeros((2, 3, 32, 32), np.uint8), r"shape \[2, 3, 32, 32\]"),
        (np.full((1, 32, 32, 3), 0.5), "not scaled"),
        (np.zeros((0, 32, 32, 3)), "N is 0"),
        (np.zeros(3), r"shape \[3\]"),
        (np.float32(1), r"shape \[\]"),
        (np.zeros((0, 32, 32)), "N is 0"),
        (np.full((1, 32, 32), 0.5), "not scaled"),
        (np.full((1, 32, 32), 256), "0 to 255"),
        (np.full((1, 32, 32), -1), "0 to 255"),
        (np.full((1, 32, 32), np.nan), "0 to 255"),
        (np.full((1, 32, 32), "x"), "dtype"),
        (np.full((1, 32, 32), True), "dtype bool"),
    ],
)
def test_an_array_that_is_not_an_image_is_refused_with_the_reason(array: np.ndarray, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        preprocessing.as_pixels(np.asarray(array))
