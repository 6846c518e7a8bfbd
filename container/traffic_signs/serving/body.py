"""The body of a request, whole, unpacked and never larger than the payload limit."""

import zlib
from collections.abc import Mapping
from typing import Any

from gunicorn.http.errors import ParseException
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout

from traffic_signs.errors import RequestError, UnsupportedMediaError
from traffic_signs.serving import record


def read(environ: Mapping[str, Any], limit: int) -> bytes:
    """Read the body of a request; the time is noted, also that of a body which does not come.

    Args:
        environ: WSGI's, of gunicorn, which has checked Content-Length and ends the stream where the body ends.
        limit: bytes that the body may have, as it was sent and once unpacked.

    Raises:
        RequestEntityTooLarge: the body is larger.
        RequestTimeout: the client stopped sending before its end.
        UnsupportedMediaError: a Content-Encoding other than gzip.
        RequestError: the body is cut off, or no chunks or gzip stream where it says so.
    """
    try:
        return _read(environ, limit)
    finally:
        record.current().lap("read")


def _read(environ: Mapping[str, Any], limit: int) -> bytes:
    announced = int(environ.get("CONTENT_LENGTH") or -1)
    if announced > limit:
        raise RequestEntityTooLarge
    try:  # of the server's own stream: Werkzeug's wrapper around it takes as long as a small network
        body: bytes = environ["wsgi.input"].read(limit + 1 if announced < 0 else announced)
    except BlockingIOError as error:  # the kernel's word for a silence that was too long
        raise RequestTimeout("the rest of the body did not come in time") from error
    except (OSError, ParseException) as error:
        raise RequestError(f"the body cannot be read: {error}") from error
    if len(body) > limit:
        raise RequestEntityTooLarge
    if len(body) < announced:
        raise RequestError(f"the body ended after {len(body)} of {announced} bytes")
    encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise UnsupportedMediaError(f"Content-Encoding {encoding[:100]} is not read; send gzip or none")
    return _gunzip(body, limit)


def _gunzip(body: bytes, limit: int) -> bytes:
    """Unpack one gzip stream; a second one behind it is refused, because millions of tiny ones take minutes."""
    unpacker = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        content = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise RequestError(f"the body is not gzip: {error}") from error
    if len(content) > limit:
        raise RequestEntityTooLarge
    if not unpacker.eof:
        raise RequestError("the gzip stream is cut off")
    if unpacker.unused_data:
        raise RequestError(f"{len(unpacker.unused_data)} bytes follow the gzip stream")
    return content
