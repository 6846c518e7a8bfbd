"""A request's head, as it comes in packets, before the parser has it."""

import pytest

from traffic_signs.errors import RequestError
from traffic_signs.serving.http.connection import heads

WHOLE = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n"


@pytest.mark.parametrize("rest", [b"", b"12345", b"\r\n\r\n"])
def test_a_head_ends_after_its_first_empty_line(rest: bytes) -> None:
    assert heads.find_end(WHOLE + rest, 1024) == len(WHOLE)


@pytest.mark.parametrize("size", [1, 4, 10, 30, len(WHOLE) - 1])
def test_an_incomplete_head_waits(size: int) -> None:
    assert heads.find_end(WHOLE[:size], 1024) == 0


@pytest.mark.parametrize("data", [b"\x16\x03\x01", b"get / HTTP/1.1", b"A" * 30, b"\0", b"PO\r\n"])
def test_bytes_that_begin_no_request_are_refused_at_once(data: bytes) -> None:
    with pytest.raises(RequestError, match=r"not an HTTP/1\.1 request") as caught:
        heads.find_end(data, 1024)
    assert caught.value.status == 400


@pytest.mark.parametrize("data", [b"GET /" + b"a" * 2000, WHOLE[:-2] + b"A: " + b"a" * 2000 + b"\r\n\r\n"])
def test_a_head_that_is_too_large_is_refused_whether_it_ends_or_not(data: bytes) -> None:
    with pytest.raises(RequestError, match="more than 1 kB") as caught:
        heads.find_end(data, 1024)
    assert caught.value.status == 431


@pytest.mark.parametrize(
    "offer", [b"Upgrade: h2c", b"upgrade:h2c", b"UPGRADE: \tTLS/1.0, HTTP/1.1", b"Upgrade: websockets"]
)
def test_offers_of_other_protocols_are_renamed(offer: bytes) -> None:
    head = WHOLE[:-2] + offer + b"\r\nConnection: Upgrade\r\n\r\n"
    found = heads.without_upgrade_offers(head)
    assert b"\r\nupgrade:" not in found.lower()
    assert found.endswith(offer.partition(b":")[2] + b"\r\nConnection: Upgrade\r\n\r\n")


@pytest.mark.parametrize("field", [b"Upgrade: websocket", b"upgrade:WebSocket ", b"X-Upgrade: h2c", b"A: upgrade: h2c"])
def test_a_handshake_and_other_fields_stay(field: bytes) -> None:
    head = WHOLE[:-2] + field + b"\r\n\r\n"
    assert heads.without_upgrade_offers(head) == head


def test_a_length_is_read_from_its_own_field_alone() -> None:
    assert heads.has_content_length(WHOLE, 5)
    assert not heads.has_content_length(WHOLE, 4)
    assert not heads.has_content_length(WHOLE.replace(b"Content-Length", b"X-Content-Length"), 5)
