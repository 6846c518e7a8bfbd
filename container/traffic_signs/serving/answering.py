"""A request and its body -> the answer: by the model that this image has trained, or by a model's own hooks."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from werkzeug.wrappers import Request, Response

from traffic_signs.serving import decoding, encoding, hook_program, negotiation
from traffic_signs.serving.predictor import Predictor
from traffic_signs.settings import ServingSettings
from traffic_signs.turns import FairLock

Answer = Callable[[Request, bytes], Response]
_LARGE = 1024 * 1024
"""Bodies of more bytes are decoded one after the other: JSON takes twenty times its size while it is read."""


def make(model: Path, settings: ServingSettings, engine: str, limit: int) -> Answer:
    """Load the model in the directory *model*; what is returned answers requests, in any thread.

    Args:
        model: the model directory.
        settings: they may name a program with hooks.
        engine: "litert" or "tensorflow".
        limit: bytes that an array in a request may have once unpacked.

    Raises:
        ArtifactError: there is no model to serve.
        HooksError: the code that the model brings along cannot be used.
    """
    program = hook_program.find(model, settings)
    if program is None:
        return _by_predictor(Predictor(model, engine), limit)
    from traffic_signs.serving.hooks import Hooks  # noqa: PLC0415 - loads scipy, which nothing else here needs

    return Hooks(program, model, engine, limit).answer


def _by_predictor(predictor: Predictor, limit: int) -> Answer:
    labels = predictor.artifact.labels
    large = FairLock()

    def answer(request: Request, body: bytes) -> Response:
        headers = request.headers
        attributes = headers.get(negotiation.CUSTOM_ATTRIBUTES, "")
        form = negotiation.negotiate(headers.get("Accept", ""), attributes, len(labels))
        with large if len(body) > _LARGE else contextlib.nullcontext():
            pixels = decoding.decode(body, request.mimetype, request.mimetype_params, limit)
        return Response(encoding.encode(predictor.predict(pixels), labels, form), mimetype=form.content_type)

    return answer
