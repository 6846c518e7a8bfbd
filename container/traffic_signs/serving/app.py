"""The two routes that SageMaker calls, `/ping` and `/invocations`, and errors as JSON."""

import logging

from flask import Flask, Response, request
from sagemaker_inference import content_types
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from traffic_signs.errors import NotAcceptableError, RequestError, TrafficSignsError
from traffic_signs.paths import OptMl
from traffic_signs.serving import codec
from traffic_signs.serving.predictor import Predictor
from traffic_signs.settings import ServingSettings

_log = logging.getLogger(__name__)


def create_app(paths: OptMl, settings: ServingSettings) -> Flask:
    """Build the application; once it is returned, the model has answered and is ready.

    Raises:
        ArtifactError: there is no model to serve.
    """
    predictor = Predictor(paths.model)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_payload_mb * 1024 * 1024
    app.url_map.strict_slashes = False

    @app.route("/ping", methods=["GET", "POST"])  # the platform's guide names both
    def ping() -> Response:
        return Response(status=200)

    @app.post("/invocations")
    def invocations() -> Response:
        if not request.accept_mimetypes or content_types.JSON in request.accept_mimetypes:
            pixels = codec.decode(_body(), request.mimetype)
            answer = codec.encode(predictor.predict(pixels), predictor.artifact.labels)
            return Response(answer, mimetype=content_types.JSON)
        raise NotAcceptableError(f"Accept {request.accept_mimetypes}: predictions come as {content_types.JSON}")

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


def _body() -> bytes:
    """Read the body, whole or not at all: Werkzeug cuts one without a length at the limit, and says nothing."""
    body = request.get_data(cache=False)
    announced, limit = request.content_length, request.max_content_length
    if announced is None and limit is not None and len(body) >= limit:
        raise RequestEntityTooLarge
    if announced is not None and len(body) < announced:
        raise RequestError(f"the body ended after {len(body)} of {announced} bytes")
    return body
