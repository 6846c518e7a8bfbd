"""Other names of the formats, bodies without a name, and what a refusal says."""

import numpy as np
import pytest

from tests.support.bodies import JSON, NPZ, PIXELS, csv, lines, npz
from tests.support.helpers import encoded, instances, npy
from traffic_signs.errors import RequestError, UnsupportedMediaError
from traffic_signs.serving.codec import answer_type, decoding
from traffic_signs.settings.serving import ServingSettings

TABS = csv(PIXELS).replace(b",", b"\t")


def decode(body: bytes, content_type: str) -> np.ndarray:
    return decoding.decode(body, content_type, {"boundary": "B"}, 25 * 2**20)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        *((name, lines(PIXELS.tolist())) for name in ("application/jsonl", "application/x-jsonlines")),
        *((name, lines(PIXELS.tolist())) for name in ("application/x-ndjson", "application/ndjson")),
        ("text/json", instances(PIXELS)),
        ("application/csv", csv(PIXELS)),
        ("text/tab-separated-values", TABS),
        *((name, npy(PIXELS)) for name in ("application/octet-stream", "binary/octet-stream", "")),
        ("application/octet-stream", npz(PIXELS)),
    ],
)
def test_an_alias_is_read_as_the_format_that_it_names(content_type: str, body: bytes) -> None:
    np.testing.assert_array_equal(decode(body, content_type), PIXELS)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "PPM"])
@pytest.mark.parametrize("content_type", ["application/octet-stream", "", "application/x-image", "image/jpg"])
def test_an_image_file_is_known_by_its_signature(kind: str, content_type: str) -> None:
    body = encoded(PIXELS[0, ..., 0], kind)
    np.testing.assert_array_equal(decode(body, content_type), decode(body, "image/png"))


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("text/plain", b"1", "; the nearest is text/csv$"),
        ("application/jsn", b"[]", "; the nearest is application/json$"),
        ("application/json-lines", b"[]", "; the nearest is application/jsonlines$"),
        ("application/npy", b"x", "; the nearest is application/x-npy$"),
        ("img/jpeg", b"x", "; the nearest is image/jpeg$"),
        ("application/png", b"x", "; the nearest is image/png$"),
        ("text/jsonl", b"[]", "; the nearest is application/jsonlines$"),
        ("json", b"[]", "; the nearest is application/json$"),
        ("multipart/mixed", b"x", "; the nearest is multipart/form-data$"),
        ("x", b"x", "; none of them is near$"),
        ("application/octet-stream", b"[1]", "; the body does not begin as an image, an .npy or an .npz file$"),
        ("", b"[1]", r"^Content-Type \(none\) is not supported; send application/json, .*; the body does not begin as"),
    ],
)
def test_a_refused_type_has_the_nearest_one(content_type: str, body: bytes, message: str) -> None:
    with pytest.raises(UnsupportedMediaError, match=message) as caught:
        decode(body, content_type)
    assert " is not supported; send application/json, application/jsonlines, text/csv, " in str(caught.value)


def test_an_empty_body_without_a_format_is_called_empty() -> None:
    with pytest.raises(RequestError, match="the body is empty"):
        decode(b"", "application/octet-stream")


@pytest.mark.parametrize("alias", ["application/jsonl", "application/x-ndjson"])
def test_a_batch_job_answers_lines_by_any_name_with_lines(alias: str) -> None:
    assert answer_type.default_content_type(ServingSettings(batch=True), alias) == "application/jsonlines"
    assert answer_type.default_content_type(ServingSettings(), alias) == JSON


def test_the_number_of_arrays_in_an_archive_is_that_of_its_directory() -> None:
    """Pixels may hold any bytes, those of a zip's signatures too."""
    pixels = np.frombuffer(b"PK\x01\x02PK\x05\x06" * 128 * 3, np.uint8).reshape(3, 32, 32, 1)
    np.testing.assert_array_equal(decode(npz(pixels), NPZ), pixels)
