"""The routes that SageMaker calls, and errors as JSON.

/ping                             alive
/invocations                      a body -> its predictions, whole or as they are ready
/invocations-bidirectional-stream a WebSocket: a frame -> its prediction, again and again
/execution-parameters             how a batch transform job should ask
"""

import contextlib
import logging

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from traffic_signs.errors import TrafficSignsError
from traffic_signs.paths import OptMl
from traffic_signs.serving import batch, body, decoding, encoding, frames, negotiation, streaming, websocket
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
        settings: the payload limit.
        engine: "litert" or "tensorflow".

    Raises:
        ArtifactError: there is no model to serve.
    """
    predictor = Predictor(paths.model, engine)
    app = Flask(__name__)
    limit = settings.payload_mb * 1024 * 1024
    app.url_map.strict_slashes = False
    large = FairLock()

    @app.route("/ping", methods=["GET", "POST"])  # the platform's guide names both
    def ping() -> Response:
        return Response(status=200)

    @app.post("/invocations")
    def invocations() -> Response:
        content = body.read(request, limit)  # first: gunicorn drops a connection with an unread body, and says nothing
        labels = predictor.artifact.labels
        headers = request.headers
        attributes = headers.get(negotiation.CUSTOM_ATTRIBUTES, "")
        default = batch.answer_type(settings, request.mimetype)
        form = negotiation.negotiate(headers.get("Accept", ""), attributes, len(labels), default)
        with large if len(content) > _LARGE else contextlib.nullcontext():
            pixels = decoding.decode(content, request.mimetype, request.mimetype_params, limit)
        if form.stream:
            parts = predictor.predict_by_batch(pixels)
            return streaming.respond((encoding.encode(part, labels, form) for part in parts), form.content_type)
        return Response(encoding.encode(predictor.predict(pixels), labels, form), mimetype=form.content_type)

    @app.get(websocket.PATH, websocket=True)
    def frames_in_predictions_out() -> Response:
        answer = frames.answerer(predictor, request.args)
        websocket.converse(request.environ["gunicorn.socket"], request.headers, answer)
        return Response(status=101)  # of which nothing is sent: the connection is closed

    @app.get("/execution-parameters")
    def execution_parameters() -> dict[str, int | str]:
        return batch.execution_parameters(settings, predictor)

    @app.errorhandler(TrafficSignsError)
    def refused(error: TrafficSignsError) -> tuple[dict[str, str], int]:
        _log.warning("%d %s", error.status, error)
        return {"error": str(error)}, error.status

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> tuple[dict[str, str], int]:
        text = error.description or error.name
        if error.code == 413:
            text = f"the body is larger than {settings.payload_mb} MB (SAGEMAKER_MAX_PAYLOAD_IN_MB)"
        return {"error": text}, error.code or 500

    @app.errorhandler(Exception)
    def bug(error: Exception) -> tuple[dict[str, str], int]:
        _log.error("failed to answer", exc_info=error)
        return {"error": "internal error; the log of the container has the details"}, 500

    return app
