import pytest

from tests.support.bodies import CSV, JSON, LINES, NPY
from traffic_signs.errors import NotAcceptableError, RequestError
from traffic_signs.serving.codec import negotiation
from traffic_signs.serving.codec.negotiation import ResponseFormat


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
    assert negotiation.negotiate(text, "", 43) == ResponseFormat(expected)


@pytest.mark.parametrize(
    ("text", "expected"), [("", CSV), ("*/*", CSV), ("*/*;q=0.5", CSV), ("a/b, */*", CSV), (JSON, JSON)]
)
def test_without_an_accept_header_the_answer_has_the_default_format(text: str, expected: str) -> None:
    assert negotiation.negotiate(text, "", 43, CSV) == ResponseFormat(expected)


@pytest.mark.parametrize(
    "text", ["application/xml", "application/json;q=0", "image/*", "*/*;q=0", "text/csv;q=0, text/*;q=0"]
)
def test_no_accepted_type_is_406_with_those_offered(text: str) -> None:
    with pytest.raises(NotAcceptableError, match="; accept application/json, application/jsonlines, ") as caught:
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
    assert negotiation.negotiate("", attributes, 43) == ResponseFormat(JSON, top_k, probabilities)


def test_the_answer_has_the_networks_pixels_on_request() -> None:
    expected = ResponseFormat(JSON, 5, probabilities=False, pixels=True)
    assert negotiation.negotiate("", "top_k=5;pixels=true", 43) == expected
    with pytest.raises(RequestError, match="pixels = 'true' needs a response in application/json or"):
        negotiation.negotiate(CSV, "pixels=true", 43)


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
        ("pixels=1", "pixels = '1'; expected true or false"),
        ("pixel=true", "did you mean pixels"),
        ("top_k=3;top_k=4", "top_k is set twice, to '3' and '4'"),
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
    with pytest.raises(RequestError, match="top_k = '3' needs a response in application/json or application/jsonlines"):
        negotiation.negotiate(CSV, "top_k=3", 43)
