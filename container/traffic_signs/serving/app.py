"""The two routes that SageMaker calls, `/ping` and `/invocations`, and errors as JSON."""

import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from traffic_signs.errors import TrafficSignsError
from traffic_signs.paths import OptMl
from traffic_signs.serving import answering, body
from traffic_signs.settings import ServingSettings

_log = logging.getLogger(__name__)


def create_app(paths: OptMl, settings: ServingSettings, engine: str = "litert") -> Flask:
    """Build the application; once it is returned, the model has answered and is ready.

    Args:
        paths: where /opt/ml is.
        settings: the payload limit, and a program with hooks, if one is named.
        engine: "litert" or "tensorflow".

    Raises:
        ArtifactError: there is no model to serve.
        HooksError: the code that the model brings along cannot be used.
    """
    limit = settings.max_payload_mb * 1024 * 1024
    answer = answering.make(paths.model, settings, engine, limit)
    app = Flask(__name__)
    app.url_map.strict_slashes = False

    @app.route("/ping", methods=["GET", "POST"])  # the platform's guide names both
    def ping() -> Response:
        return Response(status=200)

    @app.post("/invocations")
    def invocations() -> AnyResponse:
        # the body first: gunicorn drops a connection with an unread one, and says nothing
        return answer(request, body.read(request, limit))

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
