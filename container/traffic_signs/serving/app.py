"""The routes that SageMaker calls: `/ping`, `/metrics`, `/invocations` or those of many models; and errors as JSON."""

import contextlib
import os

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

import traffic_signs
from traffic_signs.errors import TrafficSignsError
from traffic_signs.paths import OptMl
from traffic_signs.serving import body, decoding, encoding, multi_model, negotiation, record
from traffic_signs.serving.metrics import CONTENT_TYPE, Metrics
from traffic_signs.serving.models import Models
from traffic_signs.serving.predictor import Predictor
from traffic_signs.settings import ServingSettings
from traffic_signs.turns import FairLock

Answer = tuple[dict[str, str], int, list[tuple[str, str]]]
_LARGE = 1024 * 1024
"""Bodies of more bytes are decoded one after the other: JSON takes twenty times its size while it is read."""


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
        settings: the payload limit.
        engine: "litert" or "tensorflow".
        metrics: those of all workers; None for a process on its own.
        models: those of a multi-model endpoint, which has no model of its own.

    Raises:
        ArtifactError: there is no model to serve.
    """
    metrics = metrics or Metrics()
    build = {
        "version": traffic_signs.__version__,
        "revision": os.environ.get("TRAFFIC_SIGNS_REVISION", "unknown"),
        "engine": engine,
    }
    app = Flask(__name__)
    limit = settings.max_payload_mb * 1024 * 1024
    app.url_map.strict_slashes = False
    large = FairLock()

    @app.route("/ping", methods=["GET", "POST"])  # the platform's guide names both
    def ping() -> Response:
        return Response(status=200)

    def answer(predictor: Predictor, content: bytes) -> Response:
        this = record.current()
        this.bytes_in = len(content)
        this.lap("read")
        labels = predictor.artifact.labels
        headers = request.headers
        attributes = headers.get(negotiation.CUSTOM_ATTRIBUTES, "")
        form = negotiation.negotiate(headers.get("Accept", ""), attributes, len(labels), settings.default_accept)
        with large if len(content) > _LARGE else contextlib.nullcontext():
            pixels = decoding.decode(content, request.mimetype, request.mimetype_params, limit)
        this.images = len(pixels)
        this.lap("decode")
        probabilities = predictor.predict(pixels)
        this.lap("engine")
        encoded = encoding.encode(probabilities, labels, form)
        this.lap("encode")
        # the bare type: of what SageMaker's data capture is to keep as text, the name may have no "; charset=utf-8"
        response = Response(encoded, content_type=form.content_type)
        name, model = predictor.header
        response.headers.add(name, model)
        if attributes:  # who sends some also reads them, and InvokeEndpoint hands on no other header of ours
            response.headers.add(negotiation.CUSTOM_ATTRIBUTES, model)
        return response

    if models:
        identities = models.identities
        app.register_blueprint(multi_model.routes(models, answer, limit))
    else:
        predictor = Predictor(paths.model, engine, metrics)
        identities = lambda: [predictor.identity]  # noqa: E731

        @app.post("/invocations")
        def invocations() -> Response:
            record.current().headers = [predictor.header]
            # first: gunicorn drops a connection with an unread body, and says nothing
            return answer(predictor, body.read(request, limit))

    @app.get("/metrics")
    def numbers() -> Response:
        return Response(metrics.page(build, identities()), content_type=CONTENT_TYPE)

    @app.errorhandler(TrafficSignsError)
    def refused(error: TrafficSignsError) -> Answer:
        return _refusal(str(error), error.status)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Answer:
        text = error.description or error.name
        if error.code == 413:
            text = f"the body is larger than {settings.max_payload_mb} MB (SAGEMAKER_MAX_PAYLOAD_IN_MB)"
        return _refusal(text, error.code or 500)

    @app.errorhandler(Exception)
    def bug(error: Exception) -> Answer:
        record.current().error = error
        return _refusal("internal error; the log of the container has the details", 500)

    return app


def _refusal(text: str, status: int) -> Answer:
    """Answer with an error, and note it for the log."""
    this = record.current()
    this.reason = text
    return {"error": text}, status, this.headers
