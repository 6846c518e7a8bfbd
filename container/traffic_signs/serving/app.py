"""Flask application with every route and with errors as JSON; it runs under any WSGI server.

/ping, /metrics     always
/openapi.json       the description of the API, except for multi-model endpoints
single_model        the model in /opt/ml/model
hooks               the same, answered by the model's own code
multi_model         models that the platform loads and unloads

The asynchronous server answers predictions and /ping itself, with the same request handler.
"""

import os
from importlib.resources import files
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

import traffic_signs
from traffic_signs.errors import RequestError
from traffic_signs.paths import OptMl
from traffic_signs.serving.endpoint import handler, views
from traffic_signs.serving.endpoint.handler import ENDPOINT
from traffic_signs.serving.endpoint.single_model import SingleModelEndpoint
from traffic_signs.serving.engine.predictor import Predictor
from traffic_signs.serving.hooks import loader
from traffic_signs.serving.multi_model.manager import ModelManager
from traffic_signs.serving.multi_model.routes import MultiModelEndpoint
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.settings.serving import ServingSettings

if TYPE_CHECKING:
    from traffic_signs.serving.hooks.routes import HooksEndpoint


def create_app(
    paths: OptMl,
    settings: ServingSettings,
    engine: str = "litert",
    metrics: Metrics | None = None,
    models: ModelManager | None = None,
) -> Flask:
    """Build the application; the model has answered a first request when this returns.

    Args:
        paths: the directories below /opt/ml.
        settings: of the server, the batch transform job and the hooks.
        engine: "litert" or "tensorflow".
        metrics: shared by all workers; None for a process by itself.
        models: those of a multi-model endpoint; None for one model.

    Raises:
        ArtifactError: there is no model to serve.
        HooksError: the model's own code cannot be used.
    """
    metrics = metrics or Metrics()
    build = {
        "version": traffic_signs.__version__,
        "revision": os.environ.get("TRAFFIC_SIGNS_REVISION", "unknown"),
        "engine": engine,
    }
    app = Flask(__name__)
    app.url_map.strict_slashes = False
    endpoint = _endpoint(paths, settings, engine, metrics, models)
    app.extensions[ENDPOINT] = endpoint
    app.register_blueprint(endpoint.routes())

    @app.route("/ping", methods=["GET", "POST"])  # the platform's guide names both methods
    def ping() -> Response:
        response = Response()
        del response.headers["Content-Type"]  # there is no content
        return response

    @app.get("/metrics")
    def metrics_page() -> Response:
        from traffic_signs.serving.telemetry import prometheus  # noqa: PLC0415 - takes 60 ms, and few endpoints need it

        page = prometheus.render(metrics.rows, build, endpoint.identities())
        return Response(page, content_type=prometheus.CONTENT_TYPE)

    if not models:  # SageMaker's contract for multi-model endpoints describes their routes
        description = files("traffic_signs.serving.endpoint").joinpath("openapi.json").read_bytes()

        @app.get("/openapi.json")
        def openapi() -> Response:
            return Response(description, content_type="application/json")

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        request_error = RequestError(error.description or error.name)
        request_error.status = error.code or 500
        response = error_response(request_error)
        if isinstance(error, MethodNotAllowed):
            response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
        return response

    @app.errorhandler(Exception)
    def error_response(error: Exception) -> Response:
        return views.flask_response(handler.error_response(error, views.get_record(request.environ)))

    return app


def _endpoint(
    paths: OptMl, settings: ServingSettings, engine: str, metrics: Metrics, models: ModelManager | None
) -> "SingleModelEndpoint | MultiModelEndpoint | HooksEndpoint":
    if models:
        return MultiModelEndpoint(models, settings)
    if program := loader.find(paths.model, settings):
        from traffic_signs.serving.hooks.routes import HooksEndpoint  # noqa: PLC0415 - only hooks need scipy

        return HooksEndpoint(program, paths.model, engine, settings, metrics)
    return SingleModelEndpoint(Predictor(paths.model, engine, metrics, settings.precision), settings)
