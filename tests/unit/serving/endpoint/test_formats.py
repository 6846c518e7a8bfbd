"""Every format over HTTP, in this process: what goes in, what comes out, and what hostile bytes do."""

import gzip
import io
import json
import random
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.bodies import CSV, FORM, JSON, LINES, NPY, PIXELS, RGB
from tests.support.helpers import Job, instances, npy
from tests.support.mutations import ATTRIBUTES, BODIES, HEADERS, PICTURES, mutated
from traffic_signs.images import preprocessing
from traffic_signs.model import artifact
from traffic_signs.paths import OptMl
from traffic_signs.serving.app import create_app
from traffic_signs.serving.engine.predictor import Predictor
from traffic_signs.settings.serving import ServingSettings

pytestmark = pytest.mark.parametrize("image", ["bare"], indirect=True)


@pytest.fixture(scope="module")
def client(job: Job) -> FlaskClient:
    return create_app(OptMl(job.base), ServingSettings(max_payload_mb=1)).test_client()


@pytest.fixture(scope="module")
def expected(job: Job) -> dict[bool, np.ndarray]:
    """Probabilities of PIXELS, and at True of RGB."""
    predictor = Predictor(OptMl(job.base).model)
    return {False: predictor.predict(PIXELS), True: predictor.predict(preprocessing.as_pixels(RGB))}


def post(client: FlaskClient, body: bytes, content_type: str, **headers: str) -> TestResponse:
    return client.post("/invocations", data=body, content_type=content_type, headers=headers)


def read(answer: TestResponse) -> np.ndarray:
    """Probabilities [N, C] of an answer of any type."""
    assert answer.status_code == 200, answer.text
    if answer.mimetype == NPY:
        array: np.ndarray = np.load(io.BytesIO(answer.data), allow_pickle=False)
        return array
    if answer.mimetype == CSV:
        return np.loadtxt(io.BytesIO(answer.data), np.float32, delimiter=",", ndmin=2)
    rows = answer.get_json()["predictions"] if answer.mimetype == JSON else map(json.loads, answer.data.splitlines())
    return np.array([row["probabilities"] for row in rows], np.float32)


@pytest.mark.parametrize("accept", [JSON, LINES, CSV, NPY])
@pytest.mark.parametrize(("body", "content_type"), BODIES)
def test_every_way_in_and_out_gives_the_same_numbers(
    client: FlaskClient, expected: dict[bool, np.ndarray], body: bytes, content_type: str, accept: str
) -> None:
    answer = post(client, body, content_type, Accept=accept)
    assert answer.mimetype == accept
    colours = b"b64" in body or content_type.startswith(FORM) or body == npy(RGB.astype(np.float32))
    np.testing.assert_array_equal(read(answer), expected[colours])


@pytest.mark.parametrize(("body", "content_type"), PICTURES)
def test_one_picture_is_answered(client: FlaskClient, body: bytes, content_type: str) -> None:
    assert len(read(post(client, body, content_type))) == 1


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP "])
def test_gzip_bodies_are_unpacked(client: FlaskClient, expected: dict[bool, np.ndarray], encoding: str) -> None:
    answer = post(client, gzip.compress(instances(PIXELS)), JSON, **{"Content-Encoding": encoding})
    np.testing.assert_array_equal(read(answer), expected[False])


PACKED = gzip.compress(instances(PIXELS))
MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("body", "encoding", "status", "message"),
    [
        (gzip.compress(bytes(MEGABYTE + 1)), "gzip", 413, "larger than 1 MB"),
        (gzip.compress(bytes(100 * MEGABYTE)), "gzip", 413, "larger than 1 MB"),
        (gzip.compress(bytes(MEGABYTE)), "gzip", 400, "not a .npy file"),
        (b"plain", "gzip", 400, "the body is not gzip"),
        (PACKED[:-9], "gzip", 400, "cut off"),
        (PACKED[:-5] + b"\0\0\0\0\0", "gzip", 400, "the body is not gzip"),
        (PACKED * 2, "gzip", 400, "bytes follow the gzip stream"),
        (gzip.compress(b"", mtime=0), "gzip", 400, "the body is empty"),
        (b"", "gzip", 400, "cut off"),
        (b"plain", "br", 415, "Content-Encoding br is not supported; send gzip"),
        (PACKED, "gzip, gzip", 415, "Content-Encoding gzip, gzip"),
    ],
)
def test_a_bad_encoding_is_reported(client: FlaskClient, body: bytes, encoding: str, status: int, message: str) -> None:
    answer = post(client, body, NPY, **{"Content-Encoding": encoding})
    assert answer.status_code == status
    assert message in answer.get_json()["error"]


def test_the_best_classes_are_those_of_the_probabilities(
    client: FlaskClient, job: Job, expected: dict[bool, np.ndarray]
) -> None:
    labels = artifact.read(Path(OptMl(job.base).model)).labels
    answer = post(client, npy(PIXELS), NPY, **{ATTRIBUTES: "trace=7; top_k=3"})
    for prediction, row in zip(answer.get_json()["predictions"], expected[False], strict=True):
        assert "probabilities" not in prediction
        assert [best["class_id"] for best in prediction["top_k"]] == np.argsort(-row, kind="stable")[:3].tolist()
        for best in prediction["top_k"]:
            assert best["name"] == labels[best["class_id"]]
            assert np.float32(best["probability"]) == row[best["class_id"]]


def test_a_wrong_attribute_is_reported(client: FlaskClient) -> None:
    answer = post(client, npy(PIXELS), NPY, **{ATTRIBUTES: "top_k=44"})
    assert answer.status_code == 400
    assert answer.get_json()["error"] == f"{ATTRIBUTES}: top_k = '44'; expected a whole number from 1 to 43"


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(("seed", "valid"), list(enumerate(BODIES + PICTURES)))
def test_no_bytes_break_the_endpoint(client: FlaskClient, seed: int, valid: tuple[bytes, str]) -> None:
    """250 mutations of each valid body, a third of them packed, a tenth with strange headers."""
    chance = random.Random(seed)  # noqa: S311 - the same bytes in every run
    statuses = set()
    for _ in range(250):
        body, content_type = mutated(chance, valid[0]), valid[1]
        headers = {"Content-Type": content_type}
        if chance.random() < 0.3:
            packed = gzip.compress(body, 1)
            body = mutated(chance, packed) if chance.random() < 0.3 else packed
            headers["Content-Encoding"] = "gzip"
        if chance.random() < 0.1:
            name, values = chance.choice(HEADERS)
            headers[name] = chance.choice(values)
        answer = client.post("/invocations", data=body, headers=headers)
        statuses.add(answer.status_code)
        if answer.status_code != 200:
            assert answer.status_code in {400, 406, 413, 415}, (answer.text, headers, body[:300])
            assert answer.mimetype == JSON
            assert len(answer.get_json()["error"]) < 600
    assert 400 in statuses  # the mutations reach the readers' own checks


@pytest.mark.parametrize("content_type", [content_type for _, content_type in BODIES[3:]] + ["image/png"])
def test_no_format_breaks_the_reader_of_another(client: FlaskClient, content_type: str) -> None:
    for body, own in BODIES + PICTURES:
        if own != content_type:
            answer = post(client, body, content_type)
            assert answer.status_code in {200, 400}, answer.text
