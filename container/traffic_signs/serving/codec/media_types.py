"""Content types of requests: the names of each format, and the signatures by which bytes show theirs."""

import difflib
import re

from sagemaker_inference import content_types

from traffic_signs.errors import RequestError, UnsupportedMediaError

JSON_LINES = "application/jsonlines"
FORM = "multipart/form-data"
IMAGE = "image/"
ANY_IMAGE = "image/*"
ALIASES: dict[str, str] = {
    "text/json": content_types.JSON,
    "application/jsonl": JSON_LINES,
    "application/ndjson": JSON_LINES,
    "application/x-jsonlines": JSON_LINES,
    "application/x-ndjson": JSON_LINES,
    "application/csv": content_types.CSV,
    "text/tab-separated-values": content_types.CSV,
    "application/x-image": ANY_IMAGE,
}
"""Other name -> the one that the endpoint describes."""
_UNNAMED = ("", "application/octet-stream", "binary/octet-stream")
"""Types that say nothing about the format; the last one is S3's default."""
_SIGNATURES: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"\x93NUMPY"), content_types.NPY),
    (re.compile(rb"PK\x03\x04"), content_types.NPZ),
    (re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff|GIF8[79]a|BM|RIFF....WEBP|P[1-6]\s", re.DOTALL), ANY_IMAGE),
)
SUPPORTED = (content_types.JSON, JSON_LINES, content_types.CSV, content_types.NPY, content_types.NPZ, FORM)
_LIST = f"{', '.join(SUPPORTED)}, image/png, image/jpeg or another image type"
_LIKELY = (*SUPPORTED, "image/png", "image/jpeg")


def resolve(content_type: str, body: bytes) -> str:
    """Return the supported type that *content_type* means, an alias or one that leaves the format to *body*.

    Raises:
        UnsupportedMediaError: there is none; the message names the nearest one.
        RequestError: the format must be recognised from *body*, which is empty.
    """
    if content_type in ALIASES:
        return ALIASES[content_type]
    if content_type in _UNNAMED:
        if content_type and not body:
            raise RequestError("the body is empty")
        if found := next((found for signature, found in _SIGNATURES if signature.match(body)), None):
            return found
    shown = content_type[:100] or "(none)"
    if content_type in _UNNAMED:
        hint = "the body does not begin as an image, an .npy or an .npz file"
    else:
        nearest = _nearest(content_type)
        hint = f"the nearest is {nearest}" if nearest else "none of them is near"
    raise UnsupportedMediaError(f"Content-Type {shown} is not supported; send {_LIST}; {hint}")


def _nearest(content_type: str) -> str | None:
    """Return the type whose subtype is spelt most alike, of the same kind if there is one, or the only one of it."""
    kind, _, subtype = content_type[:100].partition("/")
    akin = [name for name in _LIKELY if name.startswith(f"{kind}/")]
    for names, likeness in ((akin, 0.5), ([*ALIASES, *_LIKELY], 0.75)):
        subtypes = {name.partition("/")[2]: name for name in names}
        if close := difflib.get_close_matches(subtype or kind, subtypes, 1, likeness):
            return ALIASES.get(subtypes[close[0]], subtypes[close[0]])
    return akin[0] if len(akin) == 1 else None
