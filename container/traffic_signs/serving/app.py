"""The two routes that SageMaker calls, `/ping` and `/invocations`, and errors as JSON."""

import contextlib
import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from traffic_signs.errors import TrafficSignsError
from traffic_signs.paths import OptMl
from traffic_signs.serving import body, decoding, encoding, hook_program, negotiation
from traffic_signs.serving.predictor import Predictor
from traffic_signs.settings import ServingSettings
from traffic_signs.turns import FairLock

_log = logging.getLogger(__name__)
_LARGE = 1024 * 1024
"""Bodies of more bytes are decoded one after the other: JSON takes twenty times its size while it is read."""


def create_app(paths: OptMl, settings: ServingSettings, engine: str = "litert") -> Flask:
    """Build the application; once it is returned, the model has answered and is ready.

    Args:
        paths: where /opt/ml is.
        settings: the payload limit, and the program with the model's hooks, if one is named.
        engine: "litert" or "tensorflow".

    Raises:
        ArtifactError: there is no model to serve.
        HooksError: the code that the model brings along cannot be used.
    """
    app = Flask(__name__)
    limit = settings.max_payload_mb * 1024 * 1024
    app.url_map.strict_slashes = False
    large = FairLock()

    @app.route("/ping", methods=["GET", "POST"])  # the platform's guide names both
    def ping() -> Response:
        return Response(status=200)

    def answer(predictor: Predictor, content: bytes) -> Response:
        labels = predictor.artifact.labels
        headers = request.headers
        attributes = headers.get(negotiation.CUSTOM_ATTRIBUTES, "")
        form = negotiation.negotiate(headers.get("Accept", ""), attributes, len(labels))
        with large if len(content) > _LARGE else contextlib.nullcontext():
            pixels = decoding.decode(content, request.mimetype, request.mimetype_params, limit)
        return Response(encoding.encode(predictor.predict(pixels), labels, form), mimetype=form.content_type)

    if program := hook_program.find(paths.model, settings):
        from traffic_signs.serving import hooks  # noqa: PLC0415 - loads scipy, which nothing else here needs

        app.register_blueprint(hooks.routes(program, paths.model, engine, limit))
    else:
        predictor = Predictor(paths.model, engine)

        @app.post("/invocations")
        def invocations() -> Response:
            # first: gunicorn drops a connection with an unread body, and says nothing
            return answer(predictor, body.read(request, limit))

    @app.errorhandler(TrafficSignsError)
    def refused(error: TrafficSignsError) -> tuple[dict[str, str], int]:
        _log.warning("%d %s", error.status, error)
        return {"error": str(error)}, error.status

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[dict[str, str], int]:
        text = error.description or error.name
        if error.code == 413:
            text = f"the body is larger than {settings.max_payload_mb} MB (SAGEMAKER_MAX_PAYLOAD_IN_MB)"
        return {"error": text}, error.code or 500

    @app.errorhandler(Exception)
    def bug(error: Exception) -> tuple[dict[str, str], int]:
        _log.error("failed to answer", exc_info=error)
        return {"error": "internal error; the log of the container has the details"}, 500

    return app
