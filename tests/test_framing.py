"""How far a request has come."""

import pytest

from traffic_signs.serving import framing

POST = b"POST /invocations HTTP/1.1\r\nHost: x\r\n"
WHOLE = POST + b"Content-Length: 5\r\n\r\n12345"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
HELD_BACK = POST + b"Content-Length: 5\r\nexpect:100-Continue\r\n\r\n"


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
        # without a length, a body ends with a chunk that is empty
        (CHUNKED, False, False),
        (CHUNKED + b"5\r\n123", False, False),
        (CHUNKED + b"5\r\n12345\r\n", False, False),
        (CHUNKED + b"5\r\n12345\r\n0\r\n\r\n", True, False),
        (CHUNKED + b"000;a=b\r\n\r\n", True, False),
        (CHUNKED + b"1\r\na\r\n" * 99, False, False),
        (CHUNKED + b"1\r\na\r\n" * 100, True, False),
        (CHUNKED + b"g\r\n", True, False),  # gunicorn refuses these
        (CHUNKED + b"5 \r\n", True, False),
        (CHUNKED + b"5\r\nhelloworld", True, False),
        (CHUNKED + b"5\r\nhello\r", False, False),
        (CHUNKED + b"fffff\r\n" + bytes(framing.READ_AHEAD), True, False),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", True, False),  # gunicorn refuses it
        (HELD_BACK, False, False),
        (HELD_BACK + b"12345", True, True),
        (POST + b"Expect: 100-continue\r\n\r\n", True, False),  # there is no body
        # behind these the connection ends
        (WHOLE.replace(b"HTTP/1.1", b"HTTP/1.0"), True, False),
        (WHOLE.replace(b"Host: x", b"connection: Close"), True, False),
        (WHOLE.replace(b"Host: x", b"Connection: keep-alive"), True, True),
        (WHOLE.replace(b"Host: x", b"Transfer-Encoding: chunked"), True, False),
        (WHOLE.replace(b"Host: x", b"Content-Length: 4"), True, False),
        # no number: gunicorn refuses it
        (POST + b"Content-Length: five\r\n\r\n", True, False),
        (POST + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", True, False),
        # large ones are read by the thread that answers
        (POST + b"Content-Length: 99999999\r\n\r\n" + bytes(framing.READ_AHEAD), True, False),
        (POST + b"Content-Length: 99999999\r\n\r\n" + bytes(1000), False, False),
        (POST + b"Content-Length: 100000\r\n\r\n" + bytes(99_999), False, False),
        (POST + b"Content-Length: 100000\r\n\r\n" + bytes(100_000), True, True),
        (b"X" * framing.READ_AHEAD, True, False),
    ],
)
def test_ready_and_alone(data: bytes, *, ready: bool, alone: bool) -> None:
    assert framing.is_ready(data) is ready
    assert framing.is_alone(data) is alone


@pytest.mark.parametrize(
    ("data", "held_back"),
    [
        (HELD_BACK, True),
        (CHUNKED.replace(b"Host: x", b"Expect: 100-continue"), True),
        (HELD_BACK[:-1], False),
        (HELD_BACK + b"1", False),
        (HELD_BACK.replace(b"HTTP/1.1", b"HTTP/1.0"), False),  # which does not know of it
        (HELD_BACK.replace(b"100-Continue", b"something"), False),
        (CHUNKED, False),
    ],
)
def test_who_waits_to_be_asked_for_the_body(data: bytes, *, held_back: bool) -> None:
    assert framing.is_held_back(data) is held_back
