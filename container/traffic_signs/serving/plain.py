"""A whole request that asks for nothing unusual of HTTP -> WSGI's environ, without what gunicorn does for the rest.

    bytes of a connection -> gunicorn's C parser -> environ
                                                 -> None: gunicorn itself has to read and judge it

gunicorn's reader calls the same parser, and then holds everything that HTTP allows against its settings.
"""

import io
import re
from typing import Any

from gunicorn_h1c import ParseError, parse_to_wsgi_environ

_START = re.compile(rb"POST /(?:invocations|models/[A-Za-z0-9._~-]+/invoke) HTTP/1\.1\r\n")
"""What is asked for thousands of times a second, with nothing in the path that is to be decoded or cut off."""
_UNUSUAL = {f"HTTP_{name}" for name in ("EXPECT", "HTTP2_SETTINGS", "TE", "TRAILER", "TRANSFER_ENCODING", "UPGRADE")}
_HEAD = 4094
"""Bytes that gunicorn allows a request line, the least of its limits."""
_SMALL = 8 * 1024
MOST = _HEAD + _SMALL
"""Bytes of a request that `is_bounded` may hold of; more need not be read for it."""
_BOUNDED = re.compile(r"(?:application/(?:json|x-npy)|text/csv|image/(?:png|jpeg))\s*(?:;[^,]*)?", re.IGNORECASE)
"""Content types that unpack to little more than their bytes, or to pixels of which there may be so many in 0.1 s."""


def read(data: bytes, client: tuple[str, int], server: tuple[str, int]) -> dict[str, Any] | None:
    """Read a request for predictions.

    Args:
        data: all that has come on the connection and is not yet read.
        client: whom it is from, for REMOTE_ADDR and REMOTE_PORT.
        server: to whom it came, for SERVER_NAME and SERVER_PORT.

    Returns:
        What WSGI's environ has of the request, if *data* is one whole request that gunicorn would not refuse.
    """
    if not _START.match(data):
        return None
    try:
        environ: dict[str, Any] = parse_to_wsgi_environ(data, server, client)
    except ParseError:
        return None
    head = environ.pop("_consumed")
    body = data[head:]
    if (
        head > _HEAD
        or environ.get("CONTENT_LENGTH") != str(len(body))
        or environ.get("HTTP_CONNECTION", "keep-alive").lower() != "keep-alive"
        or not _UNUSUAL.isdisjoint(environ)
    ):
        return None
    environ["wsgi.input"] = io.BytesIO(body)
    return environ


def is_bounded(environ: dict[str, Any]) -> bool:
    """Say whether a request's few bytes bound the work for it."""
    return (
        int(environ["CONTENT_LENGTH"]) <= _SMALL
        and environ["PATH_INFO"] == "/invocations"
        and bool(_BOUNDED.fullmatch(environ.get("CONTENT_TYPE", "")))
        and "HTTP_CONTENT_ENCODING" not in environ
    )


class Request:
    """Such a request, as gunicorn's response asks about it."""

    method = "POST"
    version = (1, 1)

    @staticmethod
    def should_close() -> bool:
        """Say whether the client wants the connection to end."""
        return False
