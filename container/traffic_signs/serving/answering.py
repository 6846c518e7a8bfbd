"""The body of a request -> the response that answers it, whole or as its parts are ready.

    body -> decoding -> uint8 [N, 32, 32, 1] -> engine -> float32 [N, C] -> encoding -> response

What it finds and how long each stage takes is noted in the thread's `record`.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

import numpy as np
from flask import Response, request
from werkzeug.http import parse_options_header

from traffic_signs.serving import batch, decoding, encoding, negotiation, record, streaming
from traffic_signs.serving.negotiation import Form
from traffic_signs.serving.predictor import Predictor
from traffic_signs.settings import ServingSettings
from traffic_signs.turns import FairLock

_LARGE = 1024 * 1024
"""Bodies of more bytes are decoded one after the other: JSON takes many times its size while it is read."""
_CUSTOM_ATTRIBUTES = "HTTP_" + negotiation.CUSTOM_ATTRIBUTES.upper().replace("-", "_")


def answerer(settings: ServingSettings) -> Callable[[Predictor, bytes], Response]:
    """Return what answers the current request, called with the model and the body, unpacked.

    It raises the errors of `decoding.decode` and `negotiation.negotiate`.
    """
    limit = settings.payload_mb * 1024 * 1024
    large = FairLock()

    def answer(predictor: Predictor, content: bytes) -> Response:
        this = record.current()
        this.headers = [predictor.header]  # of errors too
        this.bytes_in = len(content)
        environ = request.environ  # Flask's and Werkzeug's ways to the headers take longer than to read an image
        kind, parameters = _content_type(environ.get("CONTENT_TYPE", ""))
        attributes = environ.get(_CUSTOM_ATTRIBUTES, "")
        default = settings.default_accept or batch.answer_type(settings, kind)
        form = negotiation.negotiate(
            environ.get("HTTP_ACCEPT", ""), attributes, len(predictor.artifact.labels), default
        )
        with large if len(content) > _LARGE else contextlib.nullcontext():
            pixels = decoding.decode(content, kind, parameters, limit)
        this.images = len(pixels)
        this.lap("decode")
        parts = _parts(predictor, pixels, form)
        # the bare type: of what SageMaker's data capture is to keep as text, the name may have no "; charset=utf-8"
        if form.stream:
            response = streaming.respond(parts, form.content_type)
        else:
            response = Response(next(parts), content_type=form.content_type)
        name, model = predictor.header
        response.headers.add(name, model)
        if attributes:  # who sends some also reads them, and InvokeEndpoint hands on no other header of ours
            response.headers.add(negotiation.CUSTOM_ATTRIBUTES, model)
        return response

    return answer


@lru_cache(maxsize=64)
def _content_type(header: str) -> tuple[str, Mapping[str, str]]:
    kind, parameters = parse_options_header(header)
    return kind.lower(), parameters


def _parts(predictor: Predictor, pixels: np.ndarray, form: Form) -> Iterator[bytes]:
    this = record.current()
    for probabilities in predictor.predict_by_batch(pixels) if form.stream else (predictor.predict(pixels),):
        this.lap("engine")
        part = encoding.encode(probabilities, predictor.artifact.labels, form)
        this.lap("encode")
        yield part
