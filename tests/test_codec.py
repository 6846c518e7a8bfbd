import base64
import io
import json
import re
import struct
import zipfile

import numpy as np
import pytest
from werkzeug.exceptions import RequestEntityTooLarge

from tests.helpers import encoded, instances, npy
from traffic_signs import images
from traffic_signs.errors import NotAcceptableError, RequestError, UnsupportedMediaError
from traffic_signs.serving import decoding, encoding, negotiation, records
from traffic_signs.serving.negotiation import Form

PIXELS = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 1), dtype=np.uint8)
RGB = np.random.default_rng(2).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
NPY, JSON, NPZ, CSV = "application/x-npy", "application/json", "application/x-npz", "text/csv"
LINES, FORM = "application/jsonlines", "multipart/form-data"
LIMIT = 25 * 1024 * 1024


def decode(body: bytes, content_type: str) -> np.ndarray:
    return decoding.decode(body, content_type, {"boundary": "B"}, LIMIT)


def b64(image: np.ndarray) -> dict[str, str]:
    return {"b64": base64.b64encode(encoded(image.squeeze(), "PNG")).decode()}


def lines(records: list[object]) -> bytes:
    return b"".join(json.dumps(record).encode() + b"\n" for record in records)


def csv(array: np.ndarray) -> bytes:
    return b"".join(json.dumps(image.ravel().tolist())[1:-1].encode() + b"\r\n" for image in array)


def npz(array: np.ndarray, *, compressed: bool = False) -> bytes:
    stream = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(stream, images=array)
    return stream.getvalue()


def form(*files: bytes, disposition: str = 'name="image"; filename="a.png"') -> bytes:
    head = f"--B\r\nContent-Disposition: form-data; {disposition}\r\nContent-Type: image/png\r\n\r\n".encode()
    return b"".join(head + file + b"\r\n" for file in files) + b"--B--\r\n"


def zipped(members: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, kind)  # without today's date
    return stream.getvalue()


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
    np.testing.assert_array_equal(decode(body, content_type), images.as_pixels(RGB))


def test_true_beside_the_images_is_none_of_theirs() -> None:
    body = instances(PIXELS).replace(b"{", b'{"dry_run": false, "signature_name": "true", ')
    np.testing.assert_array_equal(decode(body, JSON), PIXELS)


@pytest.mark.parametrize("separators", [None, (",", ":")])
def test_a_list_for_every_pixel_is_read_without_making_one(separators: tuple[str, str] | None) -> None:
    for content in ({"instances": PIXELS.tolist()}, PIXELS.tolist(), PIXELS[:1].tolist()):
        body = json.dumps(content, separators=separators).encode()
        found = records._from_nested_json(body)  # noqa: SLF001 - the other way reads it too, which would hide a fault
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
    assert records._from_nested_json(body) is None  # noqa: SLF001 - see above
    with pytest.raises(RequestError):
        decode(body, JSON)


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
    expected = images.decode(body)[np.newaxis]
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
    expected = np.stack([images.decode(file) for file in files])
    np.testing.assert_array_equal(decode(body + b"--B--\r\n", FORM), expected)


def header(shape: str, dtype: str = "'|u1'") -> bytes:
    """A .npy file's first part, with shape and dtype as text, so that it can lie."""
    text = f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


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
        (b'{"instances": []}', JSON, "shape"),
        (b'{"instances": [[]]}', JSON, "shape"),
        (b'{"instances": 3}', JSON, "expected an array"),
        (b'{"instances": [[1, 2], [3]]}', JSON, "not all of the same shape"),
        (b'{"instances": [[1, 2], 3]}', JSON, "not all of the same shape"),
        (b'{"instances": ' + b"[" * 5000 + b"]" * 5000 + b"}", JSON, "not JSON"),
        (b"[" * 500 + b"]" * 500, JSON, "more than 4 dimensions"),
        (json.dumps({"instances": [[["a"] * 32] * 32]}).encode(), JSON, "must be numbers"),
        (json.dumps([[["1"] * 32] * 32]).encode(), JSON, "must be numbers"),
        (json.dumps(["x" * 1_000_000] + [""] * 1_000_000).encode(), JSON, "must be numbers"),
        (instances(PIXELS > 100), JSON, "not true or false"),
        (instances(RGB).replace(b"[[[[", b"[[[[true, 1, 1], ["), JSON, "not all of the same shape"),
        (instances(np.where(PIXELS, 0.5, 0)).replace(b"0.5", b"true", 1), JSON, "not true or false"),
        (b"[true, 3]", JSON, "not true or false"),
        (lines((PIXELS > 300).tolist()), LINES, "not true or false"),
        (csv(PIXELS > 300), CSV, "not true or false"),
        (instances(PIXELS / 255), JSON, "not scaled"),
        (instances(np.full((1, 32, 32), 300)), JSON, "0 to 255"),
        (instances(np.full((1, 32, 32), -1)), JSON, "0 to 255"),
        (json.dumps([[[10**400] * 32] * 32]).encode(), JSON, "."),
        (instances(np.zeros((1, 28, 28))), JSON, r"shape \[1, 28, 28\]"),
        (b'[{"b64": "!"}]', JSON, "instance 0 is not base64"),
        ('[{"b64": "é"}]'.encode(), JSON, "instance 0 is not base64"),
        (b'[{"b64": 3}]', JSON, "instance 0 is no array"),
        (b'[{"b64": "", "id": 3}]', JSON, "instance 0 is no array"),
        (b'[{"b64": "eA=="}]', JSON, "image 0: not a readable image"),
        (b'[{"b64": "eA=="}, 1]', JSON, "all as arrays or all as"),
        (lines(PIXELS.tolist()) + b"\n", LINES, "line 4 cannot be read"),
        (lines(PIXELS[0].tolist()), LINES, "a line has no image of its own"),
        (lines([PIXELS.tolist()]), LINES, "more than 4 dimensions"),
        (lines([{"instances": PIXELS.tolist()}]), LINES, "instance 0 is no array"),
        (csv(PIXELS) + b"1,2\n", CSV, "line 4 has 2 values; expected 1,024"),
        (b"label," * 1023 + b"label\n", CSV, "line 1 cannot be read"),
        (csv(PIXELS) + b"[1],[2]\n", CSV, "line 4 has 2 values"),
        (b",".join([b"[1,2]"] * 1024), CSV, "plain values"),
        (csv(PIXELS / 255), CSV, "not scaled"),
        (b"hello", NPY, "not a .npy file"),
        (npy(np.array([{"a": 1}], object)), NPY, "never loaded"),
        (npy(PIXELS)[:-1], NPY, "3071 bytes follow"),
        (npy(PIXELS) + b"x", NPY, "3073 bytes follow"),
        (npy(RGB / 255), NPY, "not scaled"),
        (header("(1000000000000, 32, 32, 1)"), NPY, "0 bytes follow"),
        (header("(-1, 32, 32, 1)") + bytes(1024), NPY, "no shape of images"),
        (header("(0, " + "9" * 40 + ")"), NPY, "no shape of images"),
        (header("(0x" + "f" * 5000 + ",)"), NPY, "no shape of images"),
        (header("(" + "1, " * 70 + ")") + b"x", NPY, "no shape of images"),
        (header("(True, 32, 32)") + bytes(1024), NPY, "no shape of images"),
        (header("(1, 32, 32, 1)", "'|V1'") + bytes(1024), NPY, "dtype"),
        (header("(1, 32)", "('|u1', (32,))") + bytes(1024), NPY, "dtype"),
        (header("(1, 32, 32, 1)", "'<M8[s]'") + bytes(8192), NPY, "dtype"),
        (header("-" * 9000 + "1"), NPY, "not a .npy file"),
        (b"\x93NUMPY\x09\x00" + bytes(100), NPY, "not a .npy file"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"[" * 65535, NPY, "not a .npy file"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", NPY, "not a .npy file"),
        (npy(np.zeros((0, 32, 32), np.uint8)), NPY, "N is 0"),
        (npz(PIXELS)[:-30], NPZ, "not a .npz file"),
        (npz(np.array([{"a": 1}], object)), NPZ, "never loaded"),
        (zipped({}), NPZ, "holds 0 arrays"),
        (zipped({"a.npy": npy(PIXELS), "b.npy": npy(PIXELS)}), NPZ, "holds 2 arrays"),
        (zipped({str(name): b"" for name in range(101)}), NPZ, "more than 100"),
        (zipped({"a.npy": npy(PIXELS)}, zipfile.ZIP_LZMA), NPZ, "neither stored nor deflated"),
        (zipped({"a.txt": b"hello"}), NPZ, "not a .npy file"),
        (b"not an image", "image/png", "not a readable image"),
        (form(), FORM, "no files"),
        (form(b"x"), FORM, "image 0: not a readable image"),
        (form(b"x")[:-4], FORM, "not multipart/form-data"),
        (form(b"x", disposition='name="id"'), FORM, "field 'id' is no file"),
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
    bomb = zipped({"images.npy": header("(100000, 32, 32)") + bytes(100_000 * 1024)})
    assert len(bomb) < 200_000
    with pytest.raises(RequestEntityTooLarge):
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/*", CSV),
        ("text/csv", CSV),
        ("Application/JSON; charset=utf-8", JSON),
        ("application/json;q=0.5, text/csv", CSV),
        ("application/json;q=0.5, text/csv;q=0.4, application/xml", JSON),
        ("application/json;q=0, */*;q=0.1", LINES),
        ("*/*;q=0.1, application/x-npy", NPY),
        ("text/html, application/jsonlines;q=0.9, */*;q=0.8", LINES),
    ],
)
def test_accept_chooses_by_quality(text: str, expected: str) -> None:
    assert negotiation.negotiate(text, "", 43) == Form(expected)


@pytest.mark.parametrize(
    ("text", "expected"), [("", CSV), ("*/*", CSV), ("*/*;q=0.5", CSV), ("a/b, */*", CSV), (JSON, JSON)]
)
def test_who_does_not_say_gets_the_default(text: str, expected: str) -> None:
    assert negotiation.negotiate(text, "", 43, CSV) == Form(expected)


@pytest.mark.parametrize(
    "text", ["application/xml", "application/json;q=0", "image/*", "*/*;q=0", "text/csv;q=0, text/*;q=0"]
)
def test_no_accepted_type_is_406_with_those_offered(text: str) -> None:
    with pytest.raises(NotAcceptableError, match="come as application/json, application/jsonlines, text/csv") as caught:
        negotiation.negotiate(text, "", 43)
    assert caught.value.status == 406


@pytest.mark.parametrize(
    ("attributes", "top_k", "probabilities"),
    [
        ("", None, True),
        ("c000b4f9-df62-4c85-a0bf-7c525f9104a4", None, True),
        ("trace_id=top_k, tenant=5;;x", None, True),
        ("top_k=3", 3, False),
        ("top_k=43,probabilities=true", 43, True),
        (" top_k = 1 ; trace=1 ; probabilities = false ", 1, False),
        ("probabilities=false", None, False),
    ],
)
def test_custom_attributes_are_read_among_the_clients_own(
    attributes: str, top_k: int | None, *, probabilities: bool
) -> None:
    assert negotiation.negotiate("", attributes, 43) == Form(JSON, top_k, probabilities)


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ("top_k=0", "top_k = '0'; expected a whole number from 1 to 43"),
        ("top_k=44", "top_k = '44'"),
        ("top_k=three", "top_k = 'three'"),
        ("top_k=-1", "top_k = '-1'"),
        ("top_k", "top_k = ''"),
        ("top_k=" + "9" * 5000, "top_k = '999"),
        ("top_k=²", "top_k = '²'"),
        ("probabilities=no", "probabilities = 'no'; expected true or false"),
        ("top_k=3;top_k=4", "top_k = '4' comes after '3'"),
        ("topk=3", "unknown key topk = '3'; did you mean top_k"),
        ("Top-K=3", "unknown key Top-K = '3'; did you mean top_k"),
        ("probabilites=false", "did you mean probabilities"),
    ],
)
def test_a_bad_attribute_is_named_with_its_value(attributes: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as caught:
        negotiation.negotiate("", attributes, 43)
    assert caught.value.status == 400
    assert len(str(caught.value)) < 400


def test_attributes_that_the_answers_type_has_no_place_for_are_refused() -> None:
    with pytest.raises(RequestError, match="top_k = '3' needs an answer in application/json or application/jsonlines"):
        negotiation.negotiate(CSV, "top_k=3", 43)


PROBABILITIES = np.array([[0.1, 0.9, 0.0], [0.75, 0.125, 0.125]], np.float32)
LABELS = ("stop", "Füße", "yield")
STOP, FEET = {"class_id": 0, "name": "stop"}, {"class_id": 1, "name": "Füße"}
PREDICTIONS = [
    FEET | {"probability": 0.9, "probabilities": [0.1, 0.9, 0.0]},
    STOP | {"probability": 0.75, "probabilities": [0.75, 0.125, 0.125]},
]


def test_answers_keep_the_order_and_name_the_class() -> None:
    assert json.loads(encoding.encode(PROBABILITIES, LABELS, Form())) == {"predictions": PREDICTIONS}
    rows = encoding.encode(PROBABILITIES, LABELS, Form(LINES)).splitlines()
    assert [json.loads(row) for row in rows] == PREDICTIONS


def test_answers_without_names() -> None:
    assert encoding.encode(PROBABILITIES, LABELS, Form(CSV)) == b"0.1,0.9,0.0\n0.75,0.125,0.125\n"
    array = np.load(io.BytesIO(encoding.encode(PROBABILITIES, LABELS, Form(NPY))), allow_pickle=False)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, PROBABILITIES)


def test_the_best_classes_alone() -> None:
    best = [FEET | {"probability": 0.9}, STOP | {"probability": 0.1}]
    second = [STOP | {"probability": 0.75}, FEET | {"probability": 0.125}]
    assert json.loads(encoding.encode(PROBABILITIES, LABELS, Form(JSON, 2, probabilities=False))) == {
        "predictions": [best[0] | {"top_k": best}, second[0] | {"top_k": second}]
    }
    rows = encoding.encode(PROBABILITIES, LABELS, Form(LINES, probabilities=False)).splitlines()
    assert [json.loads(row) for row in rows] == [best[0], second[0]]
