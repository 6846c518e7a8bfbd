import json
import struct

import numpy as np
import pytest

from tests.helpers import encoded, instances, npy
from traffic_signs import images
from traffic_signs.errors import RequestError, UnsupportedMediaError
from traffic_signs.serving import codec

PIXELS = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 1), dtype=np.uint8)
NPY, JSON = "application/x-npy", "application/json"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (npy(PIXELS), NPY),
        (npy(PIXELS[..., 0]), NPY),
        (npy(np.asfortranarray(PIXELS)), NPY),
        (npy(PIXELS.astype(np.float32)), NPY),
        (npy(PIXELS.astype(">i4")), NPY),
        (instances(PIXELS), JSON),
        (instances(PIXELS[..., 0]), JSON),
        (instances(PIXELS.astype(float)), JSON),
    ],
)
def test_arrays_in_every_form_are_the_same_pixels(body: bytes, content_type: str) -> None:
    np.testing.assert_array_equal(codec.decode(body, content_type), PIXELS)


@pytest.mark.parametrize(("kind", "content_type"), [("PNG", "image/png"), ("PPM", "image/x-portable-pixmap")])
def test_an_image_is_prepared_as_for_training(kind: str, content_type: str) -> None:
    body = encoded(np.random.default_rng(2).integers(0, 256, (51, 43, 3), dtype=np.uint8), kind)
    np.testing.assert_array_equal(codec.decode(body, content_type), images.decode(body)[np.newaxis])


def header(shape: str, dtype: str = "|u1") -> bytes:
    """A .npy file's first part, with the shape as text, so that it can lie."""
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"", JSON, "the body is empty"),
        (b"", NPY, "the body is empty"),
        (b"", "image/png", "the body is empty"),
        (b"{", JSON, "not JSON"),
        (b"[[1]]", JSON, '"instances"'),
        (b'{"inputs": []}', JSON, '"instances"'),
        (b'{"instances": []}', JSON, "shape"),
        (b'{"instances": 3}', JSON, "shape"),
        (b'{"instances": [[1, 2], [3]]}', JSON, "not all of the same shape"),
        (b'{"instances": ' + b"[" * 5000 + b"]" * 5000 + b"}", JSON, "not JSON"),
        (json.dumps({"instances": [[["a"] * 32] * 32]}).encode(), JSON, "dtype"),
        (instances(PIXELS / 255), JSON, "not scaled"),
        (instances(np.full((1, 32, 32), 300)), JSON, "0 to 255"),
        (instances(np.zeros((1, 28, 28))), JSON, r"shape \[1, 28, 28\]"),
        (b"hello", NPY, "not a .npy file"),
        (npy(np.array([{"a": 1}], object)), NPY, "never loaded"),
        (npy(PIXELS)[:-1], NPY, "3071 bytes follow"),
        (npy(PIXELS) + b"x", NPY, "3073 bytes follow"),
        (header("(1000000000000, 32, 32, 1)"), NPY, "0 bytes follow"),
        (header("(-1, 32, 32, 1)") + bytes(1024), NPY, "1024 bytes follow"),
        (header("(1, 32, 32, 1)", "|V1") + bytes(1024), NPY, "dtype"),
        (header("(1, 32, 32, 1)", "<M8[s]") + bytes(8192), NPY, "dtype"),
        (b"\x93NUMPY\x09\x00" + bytes(100), NPY, "not a .npy file"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"[" * 65535, NPY, "not a .npy file"),
        (npy(np.zeros((0, 32, 32), np.uint8)), NPY, "N is 0"),
        (b"not an image", "image/png", "not a readable image"),
    ],
)
def test_a_bad_body_is_refused_with_its_reason(body: bytes, content_type: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        codec.decode(body, content_type)
    assert caught.value.status == 400
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("content_type", ["", "text/csv", "application/x-www-form-urlencoded", "imag/png"])
def test_another_content_type_is_refused_with_those_that_are_read(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaError, match="application/json, application/x-npy, image/png") as caught:
        codec.decode(b"x", content_type)
    assert caught.value.status == 415


def test_answers_keep_the_order_and_name_the_class() -> None:
    probabilities = np.array([[0.1, 0.9], [0.75, 0.25]], np.float32)
    assert json.loads(codec.encode(probabilities, ("stop", "Füße"))) == {
        "predictions": [
            {"class_id": 1, "name": "Füße", "probability": 0.9, "probabilities": [0.1, 0.9]},
            {"class_id": 0, "name": "stop", "probability": 0.75, "probabilities": [0.75, 0.25]},
        ]
    }
