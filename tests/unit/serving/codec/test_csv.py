"""CSV as spreadsheets, pandas and R write it: read where it has one meaning, else told by line and column."""

import codecs

import numpy as np
import pytest

from tests.support.bodies import CSV, PIXELS, csv
from traffic_signs.errors import RequestError
from traffic_signs.serving.codec import decoding

PLAIN = csv(PIXELS).replace(b"\r\n", b"\n").replace(b" ", b"")
ROWS = PIXELS.reshape(-1, 1024).tolist()
NAMES = b",".join(b"pixel%d" % number for number in range(1024)) + b"\n"


def decode(body: bytes) -> np.ndarray:
    return decoding.decode(body, CSV, {}, 25 * 2**20)


def spelt(form: str) -> bytes:
    return "".join(",".join(form.format(value) for value in row) + "\n" for row in ROWS).encode()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(NAMES + PLAIN, id="a header line of names"),
        pytest.param(NAMES.replace(b"p", b'"p').replace(b",", b'",').replace(b"\n", b'"\n') + PLAIN, id="in quotes"),
        pytest.param((NAMES + PLAIN).replace(b",", b";"), id="semicolons, as where the comma is in decimals"),
        pytest.param((NAMES + PLAIN).replace(b",", b"\t"), id="tabs"),
        pytest.param(spelt('"{}"'), id="quotes"),
        pytest.param(spelt('"{}"').replace(b",", b"; "), id="quotes and semicolons"),
        pytest.param((NAMES + PLAIN).replace(b"\n", b",\n"), id="a trailing comma"),
        pytest.param(spelt("+{}"), id="+5"),
        pytest.param(spelt("{}."), id="5."),
        pytest.param(spelt("00{}"), id="007"),
        pytest.param(spelt("{}.0e0"), id="5.0e0"),
        pytest.param(PLAIN + b"\n \r\n\t\n", id="trailing blank lines"),
        pytest.param(PLAIN.replace(b"\n", b"\r"), id="line ends of a Mac"),
        pytest.param(codecs.BOM_UTF8 + NAMES + PLAIN, id="a byte order mark"),
        pytest.param((NAMES + PLAIN).decode().encode("utf-16"), id="UTF-16 with its mark"),
    ],
)
def test_csv_that_has_one_meaning_is_read(body: bytes) -> None:
    np.testing.assert_array_equal(decode(body), PIXELS)


def test_a_bad_value_behind_a_megabyte_of_good_ones_has_its_own_line() -> None:
    image = ",".join(["128"] * 1024).encode() + b"\n"
    assert len(image) * 600 > 2 * 2**20
    with pytest.raises(RequestError, match=r"^line 601, column 2 is 'x'; expected"):
        decode(image * 600 + image.replace(b",128", b",x", 1))
    assert len(decode(NAMES + image * 599 + image.replace(b",128", b",+7", 1))) == 600


SECOND = PLAIN.split(b"\n")[1]
LINES = PLAIN.split(b"\n")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            spelt("{}").replace(b",", b",,", 1),
            "^line 1 has 1,025 values; expected 1,024, without a column of labels or",
        ),
        (b"1,2,3", "^line 1 has 3 values; expected 1,024$"),
        (b"7", "^line 1 has 1 value; expected 1,024$"),
        (b"1,5;" * 1024, "^line 1 has 1,025 values; .*|^line 1 has 1,025 values.*separated by ','"),
        (PLAIN + b"1," * 1022 + b"1", "^line 4 has 1,023 values; expected 1,024$"),
        (PLAIN + b"1," * 1023, "^line 4, column 1,024 is empty; expected a whole number"),
        (
            PLAIN + b"1," * 1023 + b"0.5",
            "^line 4, column 1,024 is '0.5'; expected a whole number from 0 to 255, not scaled",
        ),
        (PLAIN + b"256," + b"1," * 1022 + b"1", "^line 4, column 1 is '256'; expected"),
        (PLAIN + b"1,-1," + b"1," * 1021 + b"1", "^line 4, column 2 is '-1'; expected"),
        (PLAIN + b"1,nan," + b"1," * 1021 + b"1", "^line 4, column 2 is 'nan'; expected"),
        (PLAIN + b"1,1_0," + b"1," * 1021 + b"1", "^line 4, column 2 is '1_0'; expected"),
        (PLAIN + "1,٣,".encode() + b"1," * 1021 + b"1", "^line 4, column 2 is '٣'; expected"),
        (PLAIN + b"1,null," + b"1," * 1021 + b"1", "^line 4, column 2 is 'null'; expected"),
        (PLAIN + b'1,"' + b"1," * 1021 + b"1", "^line 4 cannot be read: unexpected end of data"),
        (PLAIN + b"\n" + PLAIN, "^line 4 is blank; expected an image on each line"),
        (PLAIN + b"\xff" + SECOND, "^line 4 is not UTF-8: "),
        (b"\n\n", "^no images: all lines are blank"),
        (NAMES, "^no images: line 1 has the names of the columns, and no line follows it"),
        (NAMES.replace(b"pixel7,", b"7,") + PLAIN, "^line 1, column 1 is 'pixel0'; expected"),  # is 7 a value?
        (b"label," * 1023 + b"label\n" + PLAIN, "^line 1, column 1 is 'label'; expected"),  # not names of columns
        (
            b",".join(b"%d" % number for number in range(1024)) + b"\n" + PLAIN,
            r"^line 1 has the column numbers 0 to 1,023; leave it out \(pandas: header=False\)",
        ),
        (b"," * 100_000, "^line 1 has 100,001 values; expected 1,024"),
        (b"[" + LINES[0] + b"]", r"^line 1, column 1 is '\[\d+'; expected a whole number"),
        (
            "\ufeff".encode("utf-16-le") + b"1",
            "^the body begins as UTF-16, but is not: truncated data at byte 2; send UTF-8",
        ),
    ],
)
def test_csv_with_a_fault_is_refused_by_line_and_column(body: bytes, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        decode(body)
    assert len(str(caught.value)) < 200
