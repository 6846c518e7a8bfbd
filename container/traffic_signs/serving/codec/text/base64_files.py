"""Decoder of image files in JSON: `{"b64": "..."}` -> the bytes of the file.

Encoders write base64 in several ways, each with one meaning only: with the URL-safe alphabet, without padding, in
lines, as a data URI. The value is read as plain base64 first, because nearly all clients send that.
"""

import base64
import json
import re
from typing import Any

from traffic_signs.errors import RequestError

KEY = "b64"
EXPECTED = '{"b64": "<image file in base64>"}'
_DATA_URI = re.compile(r"\s*data:[^,]{0,200};base64,", re.IGNORECASE)
_PLAIN = str.maketrans("-_", "+/", " \t\r\n\v\f")


def decode(instance: dict[str, Any], place: str) -> bytes:
    """Return the file in *instance*, whose other keys are ignored.

    Args:
        instance: a JSON object.
        place: where it is in the body, for messages.

    Raises:
        RequestError: there is no base64 under the key "b64".
    """
    text = instance.get(KEY)
    if not isinstance(text, str):
        keys = json.dumps([key[:50] for key in list(instance)[:5]])
        raise RequestError(
            f"{place}.{KEY} is not a string; expected {EXPECTED}"
            if KEY in instance
            else f"{place} is an object with the keys {keys}; expected an array or {EXPECTED}"
        )
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        pass
    if uri := _DATA_URI.match(text):
        text = text[uri.end() :]
    text = text.translate(_PLAIN).rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError as error:
        raise RequestError(f"{place}.{KEY} is not base64: {error}") from error
