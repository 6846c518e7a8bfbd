"""JSON as clients write it: read where it has one meaning, else told by its path or its line."""

import base64
import codecs
import json
from typing import Any

import numpy as np
import pytest

from tests.support.bodies import JSON, LINES, PIXELS, b64, lines
from tests.support.helpers import encoded, instances
from traffic_signs.errors import RequestError
from traffic_signs.serving.codec import decoding
from traffic_signs.serving.endpoint import stream_frames

FILES = [encoded(image.squeeze(), "PNG") for image in PIXELS]
TEXTS = [base64.b64encode(file).decode() for file in FILES]


def decode(body: bytes, content_type: str) -> np.ndarray:
    return decoding.decode(body, content_type, {}, 25 * 2**20)


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param([f"data:image/png;base64,{text}" for text in TEXTS], id="data URIs"),
        pytest.param([f" data:image/png;name=a.png;base64,{text}" for text in TEXTS], id="with parameters"),
        pytest.param([base64.encodebytes(file).decode() for file in FILES], id="lines of 76 characters"),
        pytest.param(
            [base64.encodebytes(file).decode().replace("\n", "\r\n") for file in FILES], id="MIME's line ends"
        ),
        pytest.param([base64.urlsafe_b64encode(file).decode() for file in FILES], id="the URL-safe alphabet"),
        pytest.param([text.rstrip("=") for text in TEXTS], id="no padding"),
    ],
)
def test_base64_is_read_however_it_is_spelt(texts: list[str]) -> None:
    assert any(text not in TEXTS for text in texts)
    records: list[object] = [{"b64": text} for text in texts]
    np.testing.assert_array_equal(decode(json.dumps(records).encode(), JSON), PIXELS)
    np.testing.assert_array_equal(decode(json.dumps({"instances": records}).encode(), JSON), PIXELS)
    np.testing.assert_array_equal(decode(lines(records), LINES), PIXELS)
    np.testing.assert_array_equal(stream_frames.decode(json.dumps(records[0])), PIXELS[:1])


def twice(content: object) -> bytes:
    return json.dumps(json.dumps(content)).encode()


ARRAYS = PIXELS.tolist()


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(twice({"instances": ARRAYS}), JSON, id="encoded twice"),
        pytest.param(twice(ARRAYS), JSON, id="the bare array encoded twice"),
        pytest.param(json.dumps({"instances": json.dumps(ARRAYS)}).encode(), JSON, id="the instances encoded twice"),
        pytest.param(b"\n".join(map(twice, ARRAYS)), LINES, id="lines encoded twice"),
        pytest.param(lines([{"id": 7, **b64(image)} for image in PIXELS]), LINES, id="an unknown extra key in lines"),
        pytest.param(json.dumps([{**b64(image), "id": 7} for image in PIXELS]).encode(), JSON, id="an extra key"),
        pytest.param(lines(ARRAYS) + b"\n", LINES, id="a blank last line"),
        pytest.param(lines(ARRAYS) + b" \r\n\r\n", LINES, id="blank last lines of Windows"),
        pytest.param(codecs.BOM_UTF8 + instances(PIXELS), JSON, id="a byte order mark"),
        pytest.param(codecs.BOM_UTF8 + lines(ARRAYS), LINES, id="a byte order mark before lines"),
        pytest.param(instances(PIXELS).decode().encode("utf-16"), JSON, id="UTF-16 with its mark"),
        pytest.param(lines(ARRAYS).decode().encode("utf-16"), LINES, id="UTF-16 lines with their mark"),
    ],
)
def test_json_that_has_one_meaning_is_read(body: bytes, content_type: str) -> None:
    np.testing.assert_array_equal(decode(body, content_type), PIXELS)


@pytest.mark.parametrize("body", [b64(PIXELS[0]), {"instances": b64(PIXELS[0])}])
def test_a_single_image_file_needs_no_array(body: Any) -> None:
    np.testing.assert_array_equal(decode(json.dumps(body).encode(), JSON), PIXELS[:1])


def test_a_frame_may_begin_with_a_byte_order_mark() -> None:
    np.testing.assert_array_equal(stream_frames.decode("\ufeff" + json.dumps(ARRAYS[0])), PIXELS[:1])


def changed(value: object, *path: int) -> list[Any]:
    content: list[Any] = PIXELS[..., 0].tolist()
    target = content
    for index in path[:-1]:
        target = target[index]
    target[path[-1]] = value
    return content


IMAGE = [[1] * 32] * 32


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"instances": changed(True, 1, 2, 3)}, r"^\$\.instances\[1\]\[2\]\[3\] is true; pixels must be numbers$"),
        (changed("7", 1, 2, 3), r'^\$\[1\]\[2\]\[3\] is "7"; pixels must be numbers, an image file is'),
        (changed(None, 2, 0, 0), r"^\$\[2\]\[0\]\[0\] is null; pixels must be numbers$"),
        (changed(0.5, 2, 0, 31), r"^\$\[2\]\[0\]\[31\] is 0\.5; pixels must be raw values: whole numbers"),
        (changed(300, 2, 0, 31), r"^\$\[2\]\[0\]\[31\] is 300; pixels must be raw values"),
        ({"instances": changed([7], 1, 2, 3)}, r"\$\.instances\[1\]\[2\]\[3\] is an array, where the first has a"),
        (changed([1] * 31, 1, 2), r"\$\[1\]\[2\] has the length 31, where the first has 32$"),
        (changed(7, 1), r"\$\[1\] is 7, where the first has an array$"),
        ([IMAGE, {"b64": "x"}], r"^\$\[1\] is an object, and \$\[0\] is an array; send the images either all"),
        (["eA==", "eA=="], r'^\$\[0\] is "eA=="; pixels must be numbers, an image file is'),
        ([{"b64": TEXTS[0]}, {"b64": "a*b"}], r"^\$\[1\]\.b64 is not base64: "),
        ([{"b64": "data:image/svg+xml,<svg/>"}], r"^\$\[0\]\.b64 is not base64: "),
        ({"instances": [{"b64": "eA=="}]}, r"^\$\.instances\[0\]: not a readable image"),
        ({"instances": "cat"}, r"^\$\.instances is a string, and not of JSON: "),
        ({"inputs": [], "x": 1}, r'^\$ is an object with the keys \["inputs", "x"\]; expected an array of images'),
        ({"instances": None}, r"^\$\.instances is null; expected an array of images"),
        ("cat", "^the body is not JSON: "),
    ],
)  # fmt: skip
def test_json_with_a_fault_is_refused_by_its_path(content: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        decode(json.dumps(content).encode(), JSON)
    assert len(str(caught.value)) < 250


def test_a_scaled_value_behind_megabytes_has_its_own_path() -> None:
    array = np.zeros((1_200, 32, 32))
    array[1_100, 5, 6] = 0.25
    body = json.dumps({"instances": array.tolist()}).encode()
    assert len(body) > 2 * 2**20
    with pytest.raises(RequestError, match=r"^\$\.instances\[1100\]\[5\]\[6\] is 0\.25; "):
        decode(body, JSON)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (b"[1, 2", "^line 2 cannot be read: column 6: unexpected end of data"),
        (b"", "^line 2 cannot be read: it is blank$"),
        (b'{"b64": "a*b"}', r"^line 2: \$ is an object, and line 1: \$ is an array; send the images either all as"),
        (b"[[true]]", r"line 2: \$ has the length 1, where the first has 32"),
        (lines(changed(True, 0, 3, 4)[:1]).strip(), r"^line 2: \$\[3\]\[4\] is true; pixels must be numbers"),
        (lines(changed(0.5, 0, 3, 4)[:1]).strip(), r"^line 2: \$\[3\]\[4\] is 0\.5; pixels must be raw values"),
    ],
)
def test_one_bad_line_has_its_number(second: bytes, message: str) -> None:
    first = lines(PIXELS[:1, ..., 0].tolist())
    with pytest.raises(RequestError, match=message):
        decode(first + second + b"\n" + first, LINES)


def test_one_bad_image_file_gets_an_error_line() -> None:
    body = lines([b64(PIXELS[0]), {"b64": "eA=="}, b64(PIXELS[0])])
    with pytest.raises(RequestError, match=r"^line 2: \$: not a readable image"):
        decode(body, LINES)
