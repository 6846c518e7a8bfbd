"""Damaged bodies are read as a plain parser reads them, or refused: no short cut sees other pixels."""

import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.bodies import CSV, JSON, LINES, NPY, csv, lines
from tests.support.helpers import npy
from tests.support.strategies import pixels
from traffic_signs.errors import ImageError, RequestError
from traffic_signs.images import preprocessing
from traffic_signs.serving.codec import decoding
from traffic_signs.serving.codec.text import json_arrays
from traffic_signs.serving.codec.text import lines as text_lines


@pytest.fixture(scope="module", autouse=True)
def small_chunks() -> Iterator[None]:
    """Read bodies in chunks of 1.5 kB, as longer ones are read in chunks of 1 MB."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (json_arrays, text_lines):
            patch.setattr(module, "CHUNK_BYTES", 1_500)
        yield


MORE = settings(max_examples=5 * settings().max_examples)
"""They are quick, and few damages are near a short cut."""
WORDS = ["", *'0123456789[],. -eE"\n\r{}', "NaN", "]],[[", "null", "\ufeff", "1e400", "swap"]
EDITS = st.lists(
    st.tuples(st.booleans(), st.floats(0, 1, exclude_max=True), st.integers(0, 3), st.sampled_from(WORDS)),
    max_size=3,
)
Edits = list[tuple[bool, float, int, str]]


def edited(content: bytes, edits: Edits) -> bytes:
    """Replace a few bytes by a word, or swap two, anywhere or at a bracket or comma; places go from 0 to 1."""
    for anywhere, place, removed, word in edits:
        places = range(len(content)) if anywhere else [match.start() for match in re.finditer(rb"[\[\],]", content)]
        start = places[int(place * len(places))] if places else 0
        if word == "swap":
            start = max(0, start - removed % 2)
            content = content[:start] + content[start : start + 2][::-1] + content[start + 2 :]
        else:
            content = content[:start] + word.encode() + content[start + removed :]
    return content


def plainly(parse: Callable[[], Any]) -> np.ndarray | None:
    """Make pixels of what *parse* returns as simply as can be; None if it is none."""
    try:
        array = np.array(parse())
        return None if array.ndim < 2 or not array.size else preprocessing.as_pixels(array.astype(np.float64))
    except (ValueError, TypeError, KeyError, OverflowError, ImageError):
        return None


def check(content: bytes, content_type: str, parse: Callable[[], Any]) -> None:
    expected = plainly(parse)
    try:
        found = decoding.decode(content, content_type, {}, 2**20)
    except RequestError:
        assert expected is None
    else:
        assert expected is not None
        np.testing.assert_array_equal(found, expected)


SHAPES: list[Callable[[np.ndarray], Any]] = [
    lambda image: image.tolist(),
    lambda image: image[..., 0].tolist(),
    lambda image: image.repeat(3, axis=-1).tolist(),
]


@MORE
@given(pixels(), st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3), st.booleans(), st.booleans(), EDITS)
def test_damaged_json_is_read_as_a_plain_parser_reads_it_or_refused(
    drawn: np.ndarray, shapes: Any, short: bool, bare: bool, edits: Edits
) -> None:
    array = [shape(image) for shape, image in zip(itertools.cycle(shapes), drawn)]
    text = json.dumps(array if bare else {"instances": array}, separators=(",", ":") if short else None)
    content = edited(text.encode(), edits)

    def parse() -> Any:
        parsed = json.loads(content.decode("utf-8-sig"))
        return parsed["instances"] if isinstance(parsed, dict) else parsed

    check(content, JSON, parse)


@MORE
@given(pixels(), EDITS)
def test_damaged_json_lines_are_read_as_a_plain_parser_reads_them_or_refused(drawn: np.ndarray, edits: Edits) -> None:
    content = edited(lines(drawn.tolist()), edits)

    def parse() -> Any:
        text = content.decode("utf-8-sig").rstrip(" \t\r\n")
        found = np.array([json.loads(line) for line in text.split("\n")])
        return found if found.ndim > 2 else None

    check(content, LINES, parse)


@MORE
@given(pixels(), EDITS)
def test_damaged_csv_is_read_as_a_plain_parser_reads_it_or_refused(drawn: np.ndarray, edits: Edits) -> None:
    content = edited(csv(drawn), edits)

    def parse() -> Any:
        text = content.decode("utf-8-sig").rstrip(" \t\r\n")
        return np.array([list(map(number, values(line))) for line in text.split("\n")]).reshape(-1, 32, 32)

    check(content, CSV, parse)


def values(line: str) -> list[str]:
    """Split at commas; one behind the last of 1,024 values ends the line."""
    found = line.split(",")
    return found[:-1] if len(found) == 1_025 and not found[-1].strip(' \t\r"') else found


def number(text: str) -> float:
    """Read a number, perhaps in quotes; Python itself would take 1_0 too, which no edit makes."""
    return float(re.sub(r'^"(.*)"$', r"\1", text.strip()))


@MORE
@given(
    pixels(),
    st.sampled_from(("u1", ">i4", "f4")),
    st.lists(st.tuples(st.integers(0, 140), st.integers(0, 255)), max_size=2),
)
def test_damaged_npy(drawn: np.ndarray, dtype: str, changes: list[tuple[int, int]]) -> None:
    """NumPy reads more, such as a file with bytes behind its array; what both read is the same."""
    content = bytearray(npy(drawn.astype(dtype)))
    for place, value in changes:
        content[place] = value
    try:
        found = decoding.decode(bytes(content), NPY, {}, 2**20)
    except RequestError:
        return
    np.testing.assert_array_equal(found, preprocessing.as_pixels(np.load(io.BytesIO(content), allow_pickle=False)))
