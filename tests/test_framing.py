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
        (POST + b"Content-Length: 100000\r\n\r\n" + bytes(99_999), False, False),
        (POST + b"Content-Length: 100000\r\n\r\n" + bytes(100_000), True, True),
        (b"X" * framing.READ_AHEAD, True, False),
    ],
)
def test_ready_and_alone(data: bytes, *, ready: bool, alone: bool) -> None:
    assert framing.is_ready(data) is ready
    assert framing.is_alone(data) is alone
