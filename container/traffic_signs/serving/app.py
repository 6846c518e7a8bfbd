"""The application: its routes, by what is served, and errors as JSON.

/ping, /metrics            always
one_model.routes           /opt/ml/model
hooks.routes               the same, with code of its own
multi_model.routes         what the platform loads and unloads
"""

import os

from flask import Flask, Request, Response
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

import traffic_signs
from traffic_signs.errors import TrafficSignsError
from traffic_signs.paths import OptMl
from traffic_signs.serving import hook_program, multi_model, one_model, record
from traffic_signs.serving.answering import answerer
from traffic_signs.serving.metrics import CONTENT_TYPE, Metrics
from traffic_signs.serving.models import Models
from traffic_signs.serving.predictor import Predictor
from traffic_signs.settings import ServingSettings

Answer = tuple[dict[str, str], int, list[tuple[str, str]]]


def create_app(
    paths: OptMl,
    settings: ServingSettings,
    engine: str = "litert",
    metrics: Metrics | None = None,
    models: Models | None = None,
) -> Flask:
    """Build the application; once it is returned, the model has answered and is ready.

    Args:
        paths: where /opt/ml is.
        settings: the payload limit, what a batch transform job says, and the program with the model's hooks.
        engine: "litert" or "tensorflow".
        metrics: those of all workers; None for a process on its own.
        models: those of a multi-model endpoint, which has no model of its own.

    Raises:
        ArtifactError: there is no model to serve.
        HooksError: the code that the model brings along cannot be used.
    """
    metrics = metrics or Metrics()
    build = {
        "version": traffic_signs.__version__,
        "revision": os.environ.get("TRAFFIC_SIGNS_REVISION", "unknown"),
        "engine": engine,
    }
    app = _Application(__name__)
    app.url_map.strict_slashes = False
    answer = answerer(settings)
    identities: list[dict[str, str]] = []
    if models:
        app.register_blueprint(multi_model.routes(models, answer, settings.payload_mb * 1024 * 1024))
    elif program := hook_program.find(paths.model, settings):
        from traffic_signs.serving import hooks  # noqa: PLC0415 - loads scipy, which nothing else here needs

        app.register_blueprint(hooks.routes(program, paths.model, engine, settings, metrics))
    else:
        predictor = Predictor(paths.model, engine, metrics)
        identities = [predictor.identity]
        app.register_blueprint(one_model.routes(predictor, answer, settings))

    @app.route("/ping", methods=["GET", "POST"])  # the platform's guide names both
    def ping() -> Response:
        return Response(status=200)

    @app.get("/metrics")
    def numbers() -> Response:
        return Response(metrics.page(build, models.identities() if models else identities), content_type=CONTENT_TYPE)

    @app.errorhandler(TrafficSignsError)
    def refused(error: TrafficSignsError) -> Answer:
        return _refusal(str(error), error.status)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Answer:
        text = error.description or error.name
        if error.code == 413:
            text = f"the body is larger than {settings.payload_mb} MB (SAGEMAKER_MAX_PAYLOAD_IN_MB)"
        body, status, headers = _refusal(text, error.code or 500)
        return body, status, [*headers, *(header for header in error.get_headers() if header[0] == "Allow")]

    @app.errorhandler(Exception)
    def bug(error: Exception) -> Answer:
        record.current().error = error
        return _refusal("internal error; the log of the container has the details", 500)

    return app


class _Application(Flask):
    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Find the route of a POST by its path alone: a host and scheme are for URLs, which no answer has."""
        if request is None or request.method != "POST":
            return super().create_url_adapter(request)
        return self.url_map.bind("", path_info=request.path, default_method="POST")


def _refusal(text: str, status: int) -> Answer:
    """Answer with an error, and note it for the log."""
    this = record.current()
    this.reason = text
    return {"error": text}, status, this.headers
