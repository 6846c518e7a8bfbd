"""Whatever the type of an answer, a client reads the numbers that the network gave; forms keep their files whole."""

import io
import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.support.bodies import CSV, JSON, LINES, NPY, form
from traffic_signs.serving.codec import encoding, multipart
from traffic_signs.serving.codec.negotiation import ResponseFormat

PROBABILITIES = arrays.arrays(
    np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=6), elements=st.floats(0, 1, width=32)
)


@st.composite
def answers(draw: st.DrawFn) -> tuple[np.ndarray, tuple[str, ...]]:
    rows = draw(PROBABILITIES)
    return rows, tuple(draw(st.lists(st.text(max_size=8), min_size=rows.shape[1], max_size=rows.shape[1])))


@given(answers())
def test_every_type_has_the_same_probabilities_to_the_last_bit(answer: tuple[np.ndarray, tuple[str, ...]]) -> None:
    rows, labels = answer
    found = {kind: encoding.encode(rows, labels, ResponseFormat(kind)) for kind in (JSON, LINES, CSV, NPY)}
    by_json = json.loads(found[JSON])["predictions"]
    assert [json.loads(line) for line in found[LINES].splitlines()] == by_json
    for read in (
        [prediction["probabilities"] for prediction in by_json],
        [line.split(b",") for line in found[CSV].splitlines()],
        np.load(io.BytesIO(found[NPY]), allow_pickle=False),
    ):
        np.testing.assert_array_equal(np.array(read, np.float32), rows)


@given(answers(), st.integers(1, 6), st.booleans())
def test_the_best_classes_are_in_order_and_named(
    answer: tuple[np.ndarray, tuple[str, ...]], top_k: int, probabilities: bool
) -> None:
    rows, labels = answer
    content = encoding.encode(rows, labels, ResponseFormat(JSON, top_k, probabilities))
    for prediction, row in zip(json.loads(content)["predictions"], rows.tolist(), strict=True):
        best = prediction["top_k"]
        assert [np.float32(item["probability"]) for item in best] == sorted(row, reverse=True)[:top_k]
        assert [labels[item["class_id"]] for item in best] == [item["name"] for item in best]
        assert len({item["class_id"] for item in best}) == min(top_k, len(row))
        assert {key: prediction[key] for key in best[0]} == best[0]
        assert ("probabilities" in prediction) is probabilities


PIECES = st.lists(st.sampled_from((b"\r", b"\n", b"-", b"--", b"B", b"\r\n", b"\0", b"x")), max_size=12).map(b"".join)
FILES = st.builds(lambda start, times, end: start + b"." * times + end, PIECES, st.integers(0, 66_000), PIECES)


@given(st.lists(FILES.filter(lambda file: b"--B" not in file), min_size=1, max_size=3))
def test_files_of_a_form_keep_their_bytes_and_order(files: list[bytes]) -> None:
    """Some are longer than what is parsed at once; clients choose a boundary that no file holds."""
    assert multipart.read(form(*files), "B", 10) == files
