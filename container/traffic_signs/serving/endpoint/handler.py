"""Request handler: headers and a body -> a response, independent of Flask and ASGI.

    Request -> read -> DecodedRequest: uint8 [N, 32, 32, 1] -> engine -> float32 [N, C] -> write -> Response

`answer` does all three, in a thread. The event loop calls `read` and `write` itself, and runs the images of several
requests as one batch in between.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
from werkzeug.http import parse_options_header

from traffic_signs.errors import DisconnectedError, OverloadError, RequestError, TrafficSignsError
from traffic_signs.fair_lock import FairLock
from traffic_signs.serving.codec import answer_type, body, decoding, encoding, negotiation
from traffic_signs.serving.codec.negotiation import CUSTOM_ATTRIBUTES, ResponseFormat
from traffic_signs.serving.engine.predictor import Predictor
from traffic_signs.serving.telemetry.request_record import Record
from traffic_signs.settings.serving import ServingSettings

_LARGE_BYTES = 1024 * 1024
"""Larger bodies are decoded one at a time: JSON takes many times its size while it is parsed."""
_ATTRIBUTES = CUSTOM_ATTRIBUTES.lower()
_RETRY = ("Retry-After", "1")
ENDPOINT = "traffic_signs.endpoint"
"""Key of the endpoint in the Flask application's `extensions`."""


class Request(NamedTuple):
    """A prediction request."""

    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class Response(NamedTuple):
    """A response to a prediction request."""

    status: int
    headers: list[tuple[str, str]]
    body: "bytes | StreamedBody"


class DecodedRequest(NamedTuple):
    """A request whose body and headers have been decoded."""

    pixels: np.ndarray
    response_format: ResponseFormat
    has_attributes: bool
    """The client sent custom attributes, so the response has them too."""


class Endpoint(Protocol):
    """An endpoint that answers prediction requests."""

    headers: list[tuple[str, str]]
    """Headers of every response, which identify the model."""

    def answer(self, request: Request, record: Record, name: str = "") -> Response:
        """Answer *request*, with the model *name* on a multi-model endpoint; blocks, and several threads call it.

        Raises:
            TrafficSignsError: the request is refused.
        """


class RequestHandler:
    """Decodes requests and encodes responses; shared by threads."""

    def __init__(self, settings: ServingSettings) -> None:
        """Take the payload limit, and the response format for clients that accept any."""
        self._settings = settings
        self._limit = settings.payload_mb * 2**20
        self._large_decoding = FairLock()

    def answer(self, request: Request, predictor: Predictor, record: Record) -> Response:
        """Answer *request* with *predictor*; computes the first part of a streamed response.

        Raises:
            TrafficSignsError: as `read` does, or the client has left.
        """
        decoded = self.read(request, predictor, record)
        if decoded.response_format.stream:
            parts = StreamedBody(_encode_parts(decoded, predictor, record))
            return Response(200, _response_headers(decoded, predictor), parts)
        rows = []
        for part in predictor.predict_by_batch(decoded.pixels):
            rows.append(part)
            if record.client_left:
                raise DisconnectedError("the client has left")
        record.lap("engine")
        return self.write(decoded, rows[0] if len(rows) == 1 else np.concatenate(rows), predictor, record)

    def read(
        self, request: Request, predictor: Predictor, record: Record, budget_factor: float | None = None
    ) -> DecodedRequest:
        """Decode *request*; images may take *budget_factor* times the usual budget, None: as the payload limit allows.

        Raises:
            RequestError: as `body.decompress`, `negotiation.negotiate` and `decoding.decode` do.
        """
        headers, content = request
        record.headers = [predictor.header]  # error responses have it too
        if coding := headers.get("content-encoding"):
            content = body.decompress(content, coding, self._limit)
        record.lap("read")
        record.bytes_in = len(content)
        media_type, parameters = parse_content_type(headers.get("content-type", ""))
        attributes = headers.get(_ATTRIBUTES, "")
        default = self._settings.default_accept or answer_type.default_content_type(self._settings, media_type)
        response_format = negotiation.negotiate(
            headers.get("accept", ""), attributes, len(predictor.artifact.labels), default
        )
        with self._large_decoding if len(content) > _LARGE_BYTES else contextlib.nullcontext():
            pixels = decoding.decode(content, media_type, parameters, self._limit, budget_factor)
        record.images = len(pixels)
        record.lap("decode")
        return DecodedRequest(pixels, response_format, bool(attributes))

    @staticmethod
    def write(decoded: DecodedRequest, rows: np.ndarray, predictor: Predictor, record: Record) -> Response:
        """Encode the probabilities *rows*, float32 [N, C], as the response to *decoded*."""
        content = encoding.encode(rows, predictor.artifact.labels, decoded.response_format, decoded.pixels)
        record.lap("encode")
        return Response(200, _response_headers(decoded, predictor), content)


class StreamedBody:
    """The body of a streamed response, in non-empty parts; an error in the first part still sets the status."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        """Take *parts*, of which there is at least one, and compute the first."""
        self._first: bytes | None = next(parts)
        self._parts = parts
        self.exit_stack = contextlib.ExitStack()
        """Closed after the last part, or when the client stops reading."""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        first, self._first = self._first, None
        return first or next(self._parts)

    def close(self) -> None:
        """Release what the parts need."""
        self.exit_stack.close()


def error_response(error: Exception, record: Record) -> Response:
    """Return the response to *error*, and note it for the log; clients see only the messages of TrafficSignsError."""
    if isinstance(error, TrafficSignsError):
        status, message = error.status, str(error)
        record.reason = message
        for text in error.quoted if isinstance(error, RequestError) else ():
            record.reason = record.reason.replace(text, "...")
    else:
        status, record.error = 500, error
        record.reason = message = "internal error; the log of the container has the details"
    headers = [("Content-Type", "application/json"), *record.headers]
    if isinstance(error, OverloadError):
        headers.append(_RETRY)
    return Response(status, headers, json.dumps({"error": message}).encode() + b"\n")


@lru_cache(maxsize=64)  # clients send the same header again and again
def parse_content_type(header: str) -> tuple[str, Mapping[str, str]]:
    """Return the media type in *header*, in lower case, and its parameters."""
    media_type, parameters = parse_options_header(header)
    return media_type.lower(), parameters


def _response_headers(decoded: DecodedRequest, predictor: Predictor) -> list[tuple[str, str]]:
    # without "; charset=utf-8", because SageMaker's data capture keeps a body as text only for a bare media type
    headers = [("Content-Type", decoded.response_format.content_type), predictor.header]
    if decoded.has_attributes:  # InvokeEndpoint passes on no other header of the container
        headers.append((CUSTOM_ATTRIBUTES, predictor.header[1]))
    return headers


def _encode_parts(decoded: DecodedRequest, predictor: Predictor, record: Record) -> Iterator[bytes]:
    start = 0
    for rows in predictor.predict_by_batch(decoded.pixels):
        record.lap("engine")
        pixels = decoded.pixels[start : start + len(rows)]
        start += len(rows)
        part = encoding.encode(rows, predictor.artifact.labels, decoded.response_format, pixels)
        record.lap("encode")
        yield part
