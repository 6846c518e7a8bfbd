"""Functions on the bytes of a request's head before it is parsed, and of an error response without the application."""

import json
import re
from http import HTTPStatus

from traffic_signs.errors import RequestError

_METHOD = re.compile(rb"[A-Z]{0,20}(?: |$)")
_CONTENT_LENGTH = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ?(\d{1,18})\r\n")
"""The form in which nearly all clients write it."""
_UPGRADE_OFFER = re.compile(rb"\r\nupgrade:(?![ \t]*websocket[ \t]*\r\n)", re.IGNORECASE)


def find_end(data: bytes, max_bytes: int) -> int:
    """Return where the head at the start of *data* ends; 0 if it is incomplete.

    Raises:
        RequestError: 400, *data* does not begin a request; 431, the head has more than *max_bytes* bytes.
    """
    end = data.find(b"\r\n\r\n") + 4
    if end > max_bytes or len(data) > max_bytes > end == 3:
        error = RequestError(f"the head of the request has more than {max_bytes // 1024} kB")
        error.status = 431
        raise error
    if end == 3 and not _METHOD.match(data):
        raise RequestError("not an HTTP/1.1 request")
    return end if end > 3 else 0


def without_upgrade_offers(head: bytes) -> bytes:
    """Rename the header field that offers a protocol other than HTTP/1.1 and WebSocket."""
    return _UPGRADE_OFFER.sub(b"\r\nx-upgrade:", head) if b"pgrade:" in head.lower() else head


def has_content_length(head: bytes, size: int) -> bool:
    """Return whether *head*, if written as usual, announces a body of *size* bytes."""
    length = _CONTENT_LENGTH.search(head)
    return length is not None and int(length[1]) == size


def error_response(status: int, text: str) -> bytes:
    """Return a complete response, the last of its connection."""
    content = json.dumps({"error": text}).encode()
    head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
    return f"{head}content-length: {len(content)}\r\nconnection: close\r\n\r\n".encode() + content
