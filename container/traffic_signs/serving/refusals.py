"""Answers that are given without the application, ready as bytes: when there is no time for more."""


def _response(status: bytes, text: bytes, headers: bytes = b"") -> bytes:
    body = b'{"error": "%s"}' % text
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n"
    return head % (status, len(body), headers) + body


_BUSY = b"503 Service Unavailable"
_BUSY_TEXT = b"too many requests are waiting; try again in a second"
_RETRY = b"Retry-After: 1\r\n"
_CLOSE = b"Connection: close\r\n"

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TOO_MANY = _response(_BUSY, _BUSY_TEXT, _RETRY)
TOO_MANY_AND_CLOSE = _response(_BUSY, _BUSY_TEXT, _RETRY + _CLOSE)
TIMED_OUT = _response(b"408 Request Timeout", b"the rest of the request did not come in time", _CLOSE)
