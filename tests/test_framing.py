"""How far a request has come."""

import pytest

from traffic_signs.serving import framing

POST = b"POST /invocations HTTP/1.1\r\nHost: x\r\n"
WHOLE = POST + b"Content-Length: 5\r\n\r\n12345"


@pytest.mark.parametrize(
    ("data", "ready", "alone"),
    [
        (b"", False, False),
        (b"POST /inv", False, False),
        (POST + b"Content-Length: 5\r\n", False, False),
        (WHOLE[:-6], False, False),
        (WHOLE[:-1], False, False),
        (WHOLE, True, True),
        (b"\r\n" + WHOLE, True, True),
        (WHOLE.replace(b"Content-Length: 5", b"content-LENGTH:\t5 "), True, True),
        (WHOLE + b"P", True, False),  # the next request has come along
        (b"GET /ping HTTP/1.1\r\n\r\n", True, False),
        # a length in the body, or in another header's name or value, is none
        (POST + b"X-Content-Length: 9\r\nA: content-length: 9\r\n\r\n\r\nContent-Length: 9\r\n\r\n", True, False),
        # whoever reads these has to parse, or to ask for the body
        (POST + b"Transfer-Encoding: chunked\r\n\r\n", True, False),
        (POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n", True, False),
        (POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", True, False),
        (WHOLE.replace(b"Host: x", b"Transfer-Encoding: chunked"), True, False),
        (WHOLE.replace(b"Host: x", b"Content-Length: 4"), True, False),
        # no number: gunicorn refuses it
        (POST + b"Content-Length: five\r\n\r\n", True, False),
        (POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", True, False),
        # large ones are read by the thread that answers
        (POST + b"Content-Length: 99999999\r\n\r\n" + bytes(framing.READ_AHEAD), True, False),
        (POST + b"Content-Length: 99999999\r\n\r\n" + bytes(1000), False, False),
        (b"X" * framing.READ_AHEAD, True, False),
    ],
)
def test_ready_and_alone(data: bytes, *, ready: bool, alone: bool) -> None:
    assert framing.is_ready(data) is ready
    assert framing.is_alone(data) is alone


@pytest.mark.parametrize(
    ("content_type", "more", "size", "small"),
    [
        ("application/json", "", 5_000, True),
        ("Application/JSON; charset=utf-8", "", 5_000, True),
        ("image/png", "", 1_000, True),
        ("image/png", "", 9_000, False),
        ("image/gif", "", 1_000, False),
        ("application/x-npz", "", 1_000, False),
        ("application/json", "Content-Encoding: gzip\r\n", 1_000, False),
        ("application/json", "Transfer-Encoding: chunked\r\n", 1_000, False),
    ],
)
def test_a_request_is_small_if_it_cannot_unpack_to_more(
    content_type: str, more: str, size: int, *, small: bool
) -> None:
    head = POST + f"Content-Type: {content_type}\r\n{more}Content-Length: {size}\r\n\r\n".encode()
    assert framing.is_small(head + bytes(size)) is small
    assert not framing.is_small(head + bytes(size - 1))
    assert not framing.is_small(head + bytes(size) + b"P")
    assert not framing.is_small(head.replace(b"invocations", b"models") + bytes(size))
