import io
import json

import numpy as np

from tests.support.bodies import CSV, JSON, LINES, NPY
from traffic_signs.serving.codec import encoding
from traffic_signs.serving.codec.negotiation import ResponseFormat

PROBABILITIES = np.array([[0.1, 0.9, 0.0], [0.75, 0.125, 0.125]], np.float32)
LABELS = ("stop", "Füße", "yield")
STOP, FEET = {"class_id": 0, "name": "stop"}, {"class_id": 1, "name": "Füße"}
PREDICTIONS = [
    FEET | {"probability": 0.9, "probabilities": [0.1, 0.9, 0.0]},
    STOP | {"probability": 0.75, "probabilities": [0.75, 0.125, 0.125]},
]


def test_answers_keep_the_order_and_name_the_class() -> None:
    assert json.loads(encoding.encode(PROBABILITIES, LABELS, ResponseFormat())) == {"predictions": PREDICTIONS}
    rows = encoding.encode(PROBABILITIES, LABELS, ResponseFormat(LINES)).splitlines()
    assert [json.loads(row) for row in rows] == PREDICTIONS


def test_answers_without_names() -> None:
    assert encoding.encode(PROBABILITIES, LABELS, ResponseFormat(CSV)) == b"0.1,0.9,0.0\n0.75,0.125,0.125\n"
    array = np.load(io.BytesIO(encoding.encode(PROBABILITIES, LABELS, ResponseFormat(NPY))), allow_pickle=False)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, PROBABILITIES)


def test_the_best_classes_alone() -> None:
    best = [FEET | {"probability": 0.9}, STOP | {"probability": 0.1}]
    second = [STOP | {"probability": 0.75}, FEET | {"probability": 0.125}]
    assert json.loads(encoding.encode(PROBABILITIES, LABELS, ResponseFormat(JSON, 2, probabilities=False))) == {
        "predictions": [best[0] | {"top_k": best}, second[0] | {"top_k": second}]
    }
    rows = encoding.encode(PROBABILITIES, LABELS, ResponseFormat(LINES, probabilities=False)).splitlines()
    assert [json.loads(row) for row in rows] == [best[0], second[0]]


def test_an_answer_has_the_networks_pixels_on_request() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2_500, 32, 32, 1), dtype=np.uint8)
    rows = np.tile(PROBABILITIES[0], (2_500, 1))
    for stored in (pixels, np.asfortranarray(pixels)):  # a client's array may have either order
        answer = json.loads(encoding.encode(rows, LABELS, ResponseFormat(JSON, pixels=True), stored))
        assert [found["pixels"] for found in answer["predictions"]] == pixels[..., 0].tolist()
    lines = encoding.encode(rows[:2], LABELS, ResponseFormat(LINES, pixels=True), pixels[:2]).splitlines()
    assert [json.loads(line)["pixels"] for line in lines] == pixels[:2, ..., 0].tolist()
    one = encoding.encode_one(rows[:1], LABELS, ResponseFormat(pixels=True), pixels[:1])
    assert json.loads(one)["pixels"] == pixels[0, ..., 0].tolist()


def test_an_answer_has_no_pixels_by_default() -> None:
    pixels = np.zeros((2, 32, 32, 1), np.uint8)
    assert json.loads(encoding.encode(PROBABILITIES, LABELS, ResponseFormat(), pixels)) == {"predictions": PREDICTIONS}
    assert "pixels" not in json.loads(encoding.encode_one(PROBABILITIES[:1], LABELS, ResponseFormat(), pixels[:1]))
