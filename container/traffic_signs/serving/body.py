"""The body of a request, whole, unpacked and never larger than the payload limit."""

import zlib

from gunicorn.http.errors import ParseException
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request

from traffic_signs.errors import RequestError, UnsupportedMediaError


def read(request: Request, limit: int) -> bytes:
    """Read the body of *request*.

    Args:
        request: one whose `max_content_length` is *limit*.
        limit: bytes that the body may have, as it was sent and once unpacked.

    Raises:
        RequestEntityTooLarge: the body is larger.
        UnsupportedMediaError: a Content-Encoding other than gzip.
        RequestError: the body is cut off, or no chunks or gzip stream where it says so.
    """
    try:
        body = request.get_data(cache=False)
    except ParseException as error:  # only now does gunicorn look at the chunks
        raise RequestError(f"the body's chunks cannot be read: {str(error)[:200]}") from error
    announced = request.content_length
    # Werkzeug cuts a body without a length at the limit, and says nothing.
    if announced is None and len(body) >= limit:
        raise RequestEntityTooLarge
    if announced is not None and len(body) < announced:
        raise RequestError(f"the body ended after {len(body)} of {announced} bytes")
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
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
