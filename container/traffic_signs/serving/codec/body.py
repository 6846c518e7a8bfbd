"""Request body: read completely from a WSGI server, decompressed, within the payload limit."""

import zlib
from collections.abc import Mapping
from typing import Any

from traffic_signs.errors import RequestError, TooLargeError, UnsupportedMediaError


def read(environ: Mapping[str, Any], limit: int) -> bytes:
    """Read the body of a request from WSGI's *environ*, whose stream ends where the body ends.

    Raises:
        TooLargeError: the body has more than *limit* bytes.
        RequestError: the body is incomplete, or cannot be read.
    """
    announced = int(environ.get("CONTENT_LENGTH") or -1)
    if announced > limit:
        raise TooLargeError(limit)
    try:
        body: bytes = environ["wsgi.input"].read(limit + 1 if announced < 0 else announced)
    except OSError as error:
        raise RequestError(f"the body cannot be read: {error}") from error
    if len(body) > limit:
        raise TooLargeError(limit)
    if len(body) < announced:
        raise RequestError(f"the body ended after {len(body)} of {announced} bytes")
    return body


def decompress(body: bytes, coding: str, limit: int) -> bytes:
    """Undo the Content-Encoding *coding*.

    Raises:
        TooLargeError: the content has more than *limit* bytes.
        UnsupportedMediaError: the coding is not gzip.
        RequestError: the body is not exactly one complete gzip stream.
    """
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "x-gzip"):
        raise UnsupportedMediaError(f"Content-Encoding {coding[:100]} is not supported; send gzip or none")
    return _gunzip(body, limit)


def _gunzip(body: bytes, limit: int) -> bytes:
    """Decompress one gzip stream; refuse a second one, because millions of tiny ones take minutes."""
    decompressor = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        content = decompressor.decompress(body, limit + 1)
    except zlib.error as error:
        raise RequestError(f"the body is not gzip: {error}") from error
    if len(content) > limit:
        raise TooLargeError(limit)
    if not decompressor.eof:
        raise RequestError("the gzip stream is cut off")
    if decompressor.unused_data:
        raise RequestError(f"{len(decompressor.unused_data)} bytes follow the gzip stream")
    return content
