"""The same pixels in any format are the same request: equal arrays, and through the handler equal answers."""

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.bodies import FORM, JSON, LINES, NPY, form, lines
from tests.support.helpers import Job, encoded, npy
from tests.support.strategies import FORMATS, LOSSLESS, packed, photos, pixels
from traffic_signs.images import preprocessing
from traffic_signs.paths import OptMl
from traffic_signs.serving.codec import body, decoding
from traffic_signs.serving.endpoint.handler import Request, RequestHandler
from traffic_signs.serving.engine.predictor import Predictor
from traffic_signs.serving.telemetry.request_record import Record
from traffic_signs.settings.serving import ServingSettings

LIMIT = 25 * 2**20


def decode(content: bytes, content_type: str, **parameters: str) -> np.ndarray:
    return decoding.decode(content, content_type, parameters, LIMIT)


@pytest.fixture(scope="module")
def answer(job: Job) -> Callable[..., bytes]:
    predictor, handler = Predictor(OptMl(job.base).model), RequestHandler(ServingSettings())

    def answer(content: bytes, content_type: str, **headers: str) -> bytes:
        response = handler.answer(Request({"content-type": content_type, **headers}, content), predictor, Record())
        assert response.status == 200
        assert isinstance(response.body, bytes)
        return response.body

    return answer


@given(pixels())
def test_every_format_of_numbers_gives_back_its_pixels(drawn: np.ndarray) -> None:
    for content_type, write in FORMATS.items():
        content = write(drawn)
        np.testing.assert_array_equal(decode(content, content_type), drawn)
        assert body.decompress(packed(content), "gzip", LIMIT) == content


@pytest.mark.parametrize("image", ["bare"], indirect=True)
@given(pixels())
def test_every_format_of_numbers_gets_the_same_answer(answer: Callable[..., bytes], drawn: np.ndarray) -> None:
    answers = {
        answer(content, content_type, **headers)
        for content_type, write in FORMATS.items()
        for content, headers in ((write(drawn), {}), (packed(write(drawn)), {"content-encoding": "gzip"}))
    }
    assert len(answers) == 1


@pytest.mark.parametrize("image", ["bare"], indirect=True)
@given(photos(), st.sampled_from(sorted(LOSSLESS)))
def test_a_picture_gets_the_same_answer_however_it_is_sent(
    answer: Callable[..., bytes], photo: np.ndarray, kind: str
) -> None:
    file = encoded(photo, kind, **LOSSLESS[kind])
    text = {"b64": base64.b64encode(file).decode()}
    answers = {
        answer(npy(preprocessing.decode(encoded(photo, "PNG"))), NPY),
        answer(file, f"image/{kind.lower()}"),
        answer(json.dumps({"instances": [text]}).encode(), JSON),
        answer(json.dumps([text]).encode(), JSON),
        answer(lines([text]), LINES),
        answer(form(file), f"{FORM}; boundary=B"),
    }
    assert len(answers) == 1


@given(pixels(), st.sampled_from(("u1", "u2", "i2", ">i4", "i8", ">f2", "f4", ">f8")), st.booleans(), st.booleans())
def test_arrays_of_any_numeric_type_and_order_are_the_same_pixels(
    drawn: np.ndarray,
    dtype: str,
    fortran: bool,
    channel: bool,
) -> None:
    array = drawn.astype(dtype) if channel else drawn[..., 0].astype(dtype)
    content = npy(np.asfortranarray(array) if fortran else array)
    np.testing.assert_array_equal(decode(content, NPY), drawn)


@given(pixels(channels=3))
def test_colours_become_gray_alike_as_numbers_and_as_a_picture(drawn: np.ndarray) -> None:
    expected = np.stack([preprocessing.decode(encoded(picture, "PNG")) for picture in drawn])
    for content_type in (NPY, JSON, LINES):
        np.testing.assert_array_equal(decode(FORMATS[content_type](drawn), content_type), expected)


@given(pixels(), st.sampled_from((None, 0, 1, "\t")), st.booleans(), st.booleans(), st.sampled_from((1, 1.0)))
def test_json_may_be_spelt_in_any_way(
    drawn: np.ndarray,
    indent: Any,
    bare: bool,
    channel: bool,
    kind: float,
) -> None:
    array = (drawn if channel else drawn[..., 0]) * kind
    content = array.tolist() if bare else {"more": [None], "instances": array.tolist()}
    np.testing.assert_array_equal(decode(json.dumps(content, indent=indent).encode(), JSON), drawn)
