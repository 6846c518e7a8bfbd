"""Content negotiation: the request headers of a client -> the format of the response.

    Accept                                 the content type, by quality values
    X-Amzn-SageMaker-Custom-Attributes     top_k=3, probabilities=false, pixels=true, stream=true

Clients may put anything into custom attributes, often ids. So unknown keys are ignored, unless they look like a
misspelt one; "stream_id" does not.
"""

import difflib
import re
from dataclasses import dataclass
from functools import lru_cache

from sagemaker_inference import content_types
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from traffic_signs.errors import NotAcceptableError, RequestError
from traffic_signs.serving.codec.media_types import JSON_LINES

CUSTOM_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_OFFERED = (content_types.JSON, JSON_LINES, content_types.CSV, content_types.NPY)
_WITH_OPTIONS = (content_types.JSON, JSON_LINES)
_KEYS = ("top_k", "probabilities", "pixels", "stream")


@dataclass(frozen=True)
class ResponseFormat:
    """The format of a response."""

    content_type: str = content_types.JSON
    top_k: int | None = None
    """Number of the best classes that each prediction lists; None for no list."""
    probabilities: bool = True
    """Each prediction has the probabilities of all classes."""
    pixels: bool = False
    """Each prediction has the pixels that the network got."""
    stream: bool = False
    """Lines are sent as soon as they are predicted."""


@lru_cache(
    maxsize=64
)  # clients send the same headers again and again, and parsing takes as long as a run of a small network
def negotiate(accept: str, attributes: str, classes: int, default: str = content_types.JSON) -> ResponseFormat:
    """Choose the format of a response.

    Args:
        accept: the Accept header; if it is empty, *default* applies.
        attributes: the header of custom attributes, "key=value" separated by commas or semicolons.
        classes: number of classes, the largest `top_k`.
        default: the content type to prefer among equally accepted ones.

    Raises:
        NotAcceptableError: no offered type is accepted.
        RequestError: a key is repeated, misspelt or has an invalid value; the message has key and value.
    """
    # Werkzeug treats "application/json; charset=utf-8" as another type than JSON
    given = parse_accept_header(accept, MIMEAccept)
    accepted = MIMEAccept([(kind.partition(";")[0].strip(), quality) for kind, quality in given])
    content_type = accepted.best_match((default, *_OFFERED)) if given else default
    if content_type is None:
        raise NotAcceptableError(f"Accept {accept[:100]} is not supported; accept {', '.join(_OFFERED)}")
    options = _parse_attributes(attributes)
    if options and content_type not in _WITH_OPTIONS:
        key, value = next(iter(options.items()))
        raise RequestError(
            f"{key} = {value[:50]!r} needs a response in {' or '.join(_WITH_OPTIONS)}, not {content_type}"
        )
    top_k = _parse_integer("top_k", options["top_k"], classes) if "top_k" in options else None
    probabilities = (
        _parse_boolean("probabilities", options["probabilities"]) if "probabilities" in options else top_k is None
    )
    pixels = _parse_boolean("pixels", options["pixels"]) if "pixels" in options else False
    stream = _parse_boolean("stream", options["stream"]) if "stream" in options else False
    if stream and content_type != JSON_LINES:
        raise RequestError(f"stream = 'true' needs a response in {JSON_LINES}, not {content_type}")
    return ResponseFormat(content_type, top_k, probabilities, pixels, stream)


def _parse_attributes(attributes: str) -> dict[str, str]:
    """Return the known attributes."""
    options: dict[str, str] = {}
    for item in re.split("[,;]", attributes):
        key, _, value = (part.strip() for part in item.partition("="))
        if key in options:
            raise RequestError(f"{CUSTOM_ATTRIBUTES}: {key} is set twice, to {options[key][:50]!r} and {value[:50]!r}")
        if key in _KEYS:
            options[key] = value
        elif closest := _closest_key(key.lower()):
            raise RequestError(f"{CUSTOM_ATTRIBUTES}: unknown key {key} = {value[:50]!r}; did you mean {closest}?")
    return options


def _closest_key(key: str) -> str | None:
    closest = next(iter(difflib.get_close_matches(key, _KEYS, 1, 0.8)), None) if len(key) < 20 else None
    return closest if closest and (key == closest or not key.startswith(closest)) else None


def _parse_integer(key: str, value: str, maximum: int) -> int:
    if re.fullmatch("[0-9]{1,4}", value) and 1 <= int(value) <= maximum:
        return int(value)
    raise RequestError(f"{CUSTOM_ATTRIBUTES}: {key} = {value[:50]!r}; expected a whole number from 1 to {maximum}")


def _parse_boolean(key: str, value: str) -> bool:
    if value in ("true", "false"):
        return value == "true"
    raise RequestError(f"{CUSTOM_ATTRIBUTES}: {key} = {value[:50]!r}; expected true or false")
