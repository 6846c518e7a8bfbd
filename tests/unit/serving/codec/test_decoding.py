import base64
import json
import re
import struct
import zipfile

import numpy as np
import pytest

from tests.support.bodies import (
    CSV,
    FORM,
    JSON,
    LINES,
    NPY,
    NPZ,
    PIXELS,
    RGB,
    b64,
    csv,
    form,
    lines,
    npy_header,
    npz,
    zipped,
)
from tests.support.helpers import encoded, instances, npy
from traffic_signs.errors import RequestError, TooLargeError, UnsupportedMediaError
from traffic_signs.images import preprocessing
from traffic_signs.serving.codec import decoding
from traffic_signs.serving.codec.text import json_arrays

LIMIT = 25 * 1024 * 1024


def decode(body: bytes, content_type: str) -> np.ndarray:
    return decoding.decode(body, content_type, {"boundary": "B"}, LIMIT)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (npy(PIXELS), NPY),
        (npy(PIXELS[..., 0]), NPY),
        (npy(np.asfortranarray(PIXELS)), NPY),
        (npy(PIXELS.astype(np.float32)), NPY),
        (npy(PIXELS.astype(">i4")), NPY),
        (npz(PIXELS), NPZ),
        (npz(PIXELS.astype(float), compressed=True), NPZ),
        (instances(PIXELS), JSON),
        (instances(PIXELS[..., 0]), JSON),
        (instances(PIXELS.astype(float)), JSON),
        (json.dumps(PIXELS.tolist()).encode(), JSON),
        (json.dumps({"instances": [b64(image) for image in PIXELS]}).encode(), JSON),
        (json.dumps([b64(image) for image in PIXELS]).encode(), JSON),
        (lines(PIXELS.tolist()), LINES),
        (lines(PIXELS[..., 0].astype(float).tolist()).removesuffix(b"\n"), LINES),
        (lines([b64(image) for image in PIXELS]).replace(b"\n", b"\r\n"), LINES),
        (csv(PIXELS), CSV),
        (csv(PIXELS.astype(float)).replace(b"\r\n", b"\n"), CSV),
        (form(*(encoded(image.squeeze(), "PNG") for image in PIXELS)), FORM),
    ],
)
def test_arrays_and_images_in_every_form_are_the_same_pixels(body: bytes, content_type: str) -> None:
    np.testing.assert_array_equal(decode(body, content_type), PIXELS)


@pytest.mark.parametrize(
    ("body", "content_type"), [(npy(RGB), NPY), (npz(RGB), NPZ), (instances(RGB), JSON), (lines(RGB.tolist()), LINES)]
)
def test_rgb_is_converted_in_every_form(body: bytes, content_type: str) -> None:
    np.testing.assert_array_equal(decode(body, content_type), preprocessing.as_pixels(RGB))


def test_true_in_another_field_does_not_make_an_image_an_error() -> None:
    body = instances(PIXELS).replace(b"{", b'{"dry_run": false, "signature_name": "true", ')
    np.testing.assert_array_equal(decode(body, JSON), PIXELS)


@pytest.mark.parametrize("separators", [None, (",", ":")])
def test_a_list_for_every_pixel_is_read_without_making_one(separators: tuple[str, str] | None) -> None:
    for content in ({"instances": PIXELS.tolist()}, PIXELS.tolist(), PIXELS[:1].tolist()):
        body = json.dumps(content, separators=separators).encode()
        found = json_arrays.pixels_from_nested_json(body)  # the other way reads it too, which would hide a fault
        assert np.array_equal(found, PIXELS[: len(found)])  # type: ignore[arg-type]
        assert np.array_equal(found, decode(body, JSON))  # type: ignore[arg-type]


NESTED = instances(PIXELS[:1])


@pytest.mark.parametrize(
    "body",
    [
        NESTED.replace(b"]", b"", 1),
        NESTED.replace(b"]", b"]]", 1),
        NESTED[:-2],
        NESTED.replace(b"[[[[", b"[[[[0", 1),
        NESTED.replace(b"[[[[", b"[[[[999", 1),
        NESTED.replace(b"[[[[", b"[[[[1 ", 1),
        re.sub(rb"\[\d+\]", b"[]", NESTED, count=1),
        re.sub(rb"\[\d+\]", b"[,]", NESTED, count=1),
    ],
)
def test_a_list_for_every_pixel_with_a_fault_is_refused(body: bytes) -> None:
    assert json_arrays.pixels_from_nested_json(body) is None  # see above
    with pytest.raises(RequestError):
        decode(body, JSON)


@pytest.mark.parametrize(("before", "after"), [("[", "7["), ("]", "]7"), ("}", "}7")])
@pytest.mark.parametrize("separators", [None, (",", ":")])
def test_a_digit_outside_the_brackets_is_refused(before: str, after: str, separators: tuple[str, str] | None) -> None:
    text = json.dumps({"instances": PIXELS.tolist()}, separators=separators)
    for place in (text.find(before, 30), text.rfind(before)):
        with pytest.raises(RequestError, match="not JSON"):
            decode((text[:place] + text[place:].replace(before, after, 1)).encode(), JSON)


@pytest.mark.parametrize("body", [instances(PIXELS[0]), json.dumps(PIXELS[0, ..., 0].tolist()).encode()])
def test_one_bare_image_is_a_batch_of_one(body: bytes) -> None:
    np.testing.assert_array_equal(decode(body, JSON), PIXELS[:1])


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("PPM", "image/x-portable-pixmap"),
        ("BMP", "image/bmp"),
        ("WEBP", "image/webp"),
    ],
)
def test_an_image_is_prepared_as_for_training(kind: str, content_type: str) -> None:
    body = encoded(np.random.default_rng(2).integers(0, 256, (51, 43, 3), dtype=np.uint8), kind)
    expected = preprocessing.decode(body)[np.newaxis]
    np.testing.assert_array_equal(decode(body, content_type), expected)
    np.testing.assert_array_equal(decode(form(body), FORM), expected)
    record = {"b64": base64.b64encode(body).decode()}
    np.testing.assert_array_equal(decode(lines([record]), LINES), expected)


def test_parts_of_a_form_keep_their_order_across_names_and_chunks() -> None:
    files = [encoded(np.random.default_rng(size).integers(0, 256, (size, 200, 3), dtype=np.uint8), "BMP")
             for size in (90, 300, 10, 120)]  # fmt: skip
    body = b"".join(
        form(file, disposition=f'name="{name}"; filename="x"').removesuffix(b"--B--\r\n")
        for file, name in zip(files, "abab", strict=True)
    )
    expected = np.stack([preprocessing.decode(file) for file in files])
    np.testing.assert_array_equal(decode(body + b"--B--\r\n", FORM), expected)


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"", JSON, "the body is empty"),
        (b"", NPY, "the body is empty"),
        (b"", "image/png", "the body is empty"),
        (b"{", JSON, "not JSON"),
        (b"[[1]]", JSON, "shape"),
        (b"3", JSON, '"instances"'),
        (b'{"inputs": []}', JSON, '"instances"'),
        (b'{"instances": []}', JSON, "no images"),
        (b'{"instances": [[]]}', JSON, "shape"),
        (b'{"instances": 3}', JSON, "expected an array"),
        (b'{"instances": [[1, 2], [3]]}', JSON, "not all of the same shape"),
        (b'{"instances": [[1, 2], 3]}', JSON, "not all of the same shape"),
        (b'{"instances": ' + b"[" * 5000 + b"]" * 5000 + b"}", JSON, "not JSON"),
        (b"[" * 500 + b"]" * 500, JSON, "more than 4 dimensions"),
        (json.dumps({"instances": [[["a"] * 32] * 32]}).encode(), JSON, "must be numbers"),
        (json.dumps([[["1"] * 32] * 32]).encode(), JSON, "must be numbers"),
        (json.dumps(["x" * 1_000_000] + [""] * 1_000_000).encode(), JSON, "must be numbers"),
        (instances(PIXELS > 100), JSON, r"^\$\.instances\[0\]\[0\]\[0\]\[0\] is true; pixels must be numbers"),
        (instances(RGB).replace(b"[[[[", b"[[[[true, 1, 1], ["), JSON, r"\[0\]\[0\]\[0\]\[0\] is true"),
        (instances(np.where(PIXELS, 0.5, 0)).replace(b"0.5", b"true", 1), JSON, "is true; pixels must be numbers"),
        (b"[true, 3]", JSON, r"^\$\[0\] is true; pixels must be numbers"),
        (lines((PIXELS > 300).tolist()), LINES, r"^line 1: \$\[0\]\[0\]\[0\] is false; pixels must be numbers"),
        (csv(PIXELS > 300), CSV, "^line 1, column 1 is 'false'; expected a whole number from 0 to 255"),
        (instances(PIXELS / 255), JSON, "not scaled"),
        (instances(np.full((1, 32, 32), 300)), JSON, "0 to 255"),
        (instances(np.full((1, 32, 32), -1)), JSON, "0 to 255"),
        (json.dumps([[[10**400] * 32] * 32]).encode(), JSON, "."),
        (instances(np.zeros((1, 28, 28))), JSON, r"shape \[1, 28, 28\]"),
        (b'[{"b64": "!"}]', JSON, r"^\$\[0\]\.b64 is not base64"),
        ('[{"b64": "é"}]'.encode(), JSON, r"^\$\[0\]\.b64 is not base64"),
        (b'[{"b64": 3}]', JSON, r"^\$\[0\]\.b64 is not a string"),
        (
            b'[{"image": "", "id": 3}]',
            JSON,
            r'^\$\[0\] is an object with the keys \["image", "id"\]; expected an array or',
        ),
        (b'[{"b64": "eA=="}]', JSON, r"^\$\[0\]: not a readable image"),
        (b'[{"b64": "eA=="}, 1]', JSON, "all as arrays or all as"),
        (lines(PIXELS.tolist()) + b"\n[", LINES, "line 4 cannot be read: it is blank"),
        (lines(PIXELS[0].tolist()), LINES, "^line 1 does not hold one image"),
        (lines([PIXELS.tolist()]), LINES, "more than 4 dimensions"),
        (lines([{"instances": PIXELS.tolist()}]), LINES, r'^line 1: \$ is an object with the keys \["instances"\]'),
        (csv(PIXELS) + b"1,2\n", CSV, "line 4 has 2 values; expected 1,024"),
        (b"label," * 1023 + b"label\n", CSV, "^line 1, column 1 is 'label'; expected a whole number"),
        (csv(PIXELS) + b"[1],[2]\n", CSV, "line 4 has 2 values"),
        (b",".join([b"[1,2]"] * 1024), CSV, "line 1 has 2,048 values; expected 1,024"),
        (csv(PIXELS / 255), CSV, "not scaled"),
        (b"hello", NPY, "not a .npy file"),
        (npy(np.array([{"a": 1}], object)), NPY, "never loaded"),
        (npy(PIXELS)[:-1], NPY, "3071 bytes follow"),
        (npy(PIXELS) + b"x", NPY, "3073 bytes follow"),
        (npy(RGB / 255), NPY, "not scaled"),
        (npy_header("(1000000000000, 32, 32, 1)"), NPY, "0 bytes follow"),
        (npy_header("(-1, 32, 32, 1)") + bytes(1024), NPY, "not a shape of images"),
        (npy_header("(0, " + "9" * 40 + ")"), NPY, "not a shape of images"),
        (npy_header("(0x" + "f" * 5000 + ",)"), NPY, "not a shape of images"),
        (npy_header("(" + "1, " * 70 + ")") + b"x", NPY, "not a shape of images"),
        (npy_header("(True, 32, 32)") + bytes(1024), NPY, "not a shape of images"),
        (npy_header("(1, 32, 32, 1)", "'|V1'") + bytes(1024), NPY, "dtype"),
        (npy_header("(1, 32)", "('|u1', (32,))") + bytes(1024), NPY, "dtype"),
        (npy_header("(1, 32, 32, 1)", "'<M8[s]'") + bytes(8192), NPY, "dtype"),
        (npy_header("-" * 9000 + "1"), NPY, "not a .npy file"),
        (b"\x93NUMPY\x09\x00" + bytes(100), NPY, "not a .npy file"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"[" * 65535, NPY, "not a .npy file"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", NPY, "not a .npy file"),
        (npy(np.zeros((0, 32, 32), np.uint8)), NPY, "N is 0"),
        (npz(PIXELS)[:-30], NPZ, "not a .npz file"),
        (npz(np.array([{"a": 1}], object)), NPZ, "never loaded"),
        (zipped({}), NPZ, "has 0 arrays"),
        (zipped({"a.npy": npy(PIXELS), "b.npy": npy(PIXELS)}), NPZ, "has 2 arrays"),
        (zipped({str(name): b"" for name in range(101)}), NPZ, "more than 100"),
        (zipped({"a.npy": npy(PIXELS)}, zipfile.ZIP_LZMA), NPZ, "neither stored nor deflated"),
        (zipped({"a.txt": b"hello"}), NPZ, "not a .npy file"),
        (b"not an image", "image/png", "not a readable image"),
        (form(), FORM, "no files"),
        (form(b"x"), FORM, "image 0: not a readable image"),
        (form(b"x")[:-4], FORM, "not multipart/form-data"),
        (form(b"x", disposition='name="id"'), FORM, "field 'id' is not a file"),
        (form(*[b""] * 300, disposition=f'name="{"x" * 9_000}"; filename="a"'), FORM, "more than 2,097,152 characters"),
        (form(*[b""] * 10_001), FORM, "more than 10,000 parts"),
        (b"--B\r\n" + b"x" * 1_000_000, FORM, "too long a header"),
        (b"--C\r\n\r\n", FORM, "not multipart/form-data"),
        (b"--B\r\nContent-Type: image/png\r\n\r\nx\r\n--B--\r\n", FORM, "Missing Content-Disposition"),
    ],
)
def test_a_bad_body_is_refused_with_its_reason(body: bytes, content_type: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        decode(body, content_type)
    assert caught.value.status == 400
    assert len(str(caught.value)) < 400


def test_a_compressed_array_is_bounded_whatever_its_archive_says() -> None:
    bomb = zipped({"images.npy": npy_header("(100000, 32, 32)") + bytes(100_000 * 1024)})
    assert len(bomb) < 200_000
    with pytest.raises(TooLargeError):
        decode(bomb, NPZ)
    content = npy(PIXELS)
    lying = bytearray(zipped({"images.npy": content}))
    for size in (22, lying.index(b"PK\x01\x02") + 24):  # of the member once unpacked, local and central
        lying[size : size + 4] = struct.pack("<I", len(content) - 1)
    with pytest.raises(RequestError, match=r"not a \.npz file: Bad CRC"):
        decode(bytes(lying), NPZ)


@pytest.mark.parametrize("content_type", ["", "text/html", "application/x-www-form-urlencoded", "imag/png"])
def test_another_content_type_is_refused_with_those_that_are_read(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaError, match=r"application/json, .*application/x-npz.*, image/png") as caught:
        decode(b"x", content_type)
    assert caught.value.status == 415


@pytest.mark.parametrize("shape", [(700, 32, 32, 1), (700, 32, 32), (250, 32, 32, 3)])
@pytest.mark.parametrize(
    ("separators", "bodies"),
    [
        ((", ", ": "), ['{"instances": %s}', '{"instances":%s}', "%s", ' {"instances": %s} ']),
        ((",", ":"), ['{"instances":%s}']),
        ((" , ", " : "), ["%s"]),
    ],
)
def test_a_large_array_is_read_as_a_small_one(
    shape: tuple[int, ...], separators: tuple[str, str], bodies: list[str]
) -> None:
    """It is read in chunks of a megabyte, between which other threads run."""
    pixels = np.random.default_rng(3).integers(0, 256, shape, dtype=np.uint8)
    expected = preprocessing.as_pixels(pixels)
    text = json.dumps(pixels.tolist(), separators=separators)
    assert len(text) > 2.1 * 2**20
    for body in bodies:
        np.testing.assert_array_equal(decode((body % text).encode(), JSON), expected)


@pytest.mark.parametrize(
    ("image", "message"),
    [
        ("[[1, 2]]", "same shape"),
        ("7", "same shape"),
        ('{"b64": "x"}', "either all as arrays"),
        ("[[true]]", "same shape|is true"),
        ("[[1, 2", "the body is not JSON"),
        ("]", "the body is not JSON"),
        ("[[300]]", "same shape"),
    ],
)
def test_one_wrong_image_behind_megabytes_of_right_ones_is_named(image: str, message: str) -> None:
    right = json.dumps(np.zeros((1_200, 32, 32), np.uint8).tolist())
    assert len(right) > 2 * 2**20
    for text in (f"{right[:-1]}, {image}]", f"[{image}, {right[1:]}"):
        with pytest.raises(RequestError, match=message):
            decode(text.encode(), JSON)


def test_images_of_two_forms_are_refused_wherever_they_meet() -> None:
    one, other = np.zeros((1_200, 32, 32), np.uint8), np.zeros((1_200, 32, 32, 1), np.uint8)
    text = json.dumps(one.tolist())[:-1] + ", " + json.dumps(other.tolist())[1:]
    with pytest.raises(RequestError, match="same shape"):
        decode(text.encode(), JSON)
