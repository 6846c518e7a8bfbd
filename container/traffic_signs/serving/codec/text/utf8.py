"""Encoding of text bodies: UTF-8 with or without a byte order mark, or UTF-16 with one -> UTF-8 without."""

import codecs

from traffic_signs.errors import RequestError

MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""Byte order marks, the first bytes of what `normalize` changes."""


def normalize(body: bytes) -> bytes:
    """Return *body* in UTF-8 without a byte order mark, which spreadsheets and PowerShell write.

    Raises:
        RequestError: the mark is that of UTF-16, and the rest is not UTF-16.
    """
    if not body.startswith(MARKS):
        return body
    if body.startswith(codecs.BOM_UTF8):
        return body.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode("utf-16").encode()
    except UnicodeDecodeError as error:
        raise RequestError(
            f"the body begins as UTF-16, but is not: {error.reason} at byte {error.start}; send UTF-8"
        ) from error
