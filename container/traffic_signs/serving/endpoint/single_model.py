"""Endpoint or batch transform job with one model, and its routes.

/invocations                        a body -> its predictions
/invocations-bidirectional-stream   a WebSocket, answered by `http.websocket`
/execution-parameters               how a batch transform job should send its requests
"""

from flask import Blueprint, Response

from traffic_signs.errors import RequestError
from traffic_signs.serving.endpoint import batch_transform, handler, views
from traffic_signs.serving.endpoint.handler import Request, RequestHandler
from traffic_signs.serving.engine.predictor import Predictor
from traffic_signs.serving.telemetry.request_record import Record
from traffic_signs.settings.serving import ServingSettings

STREAM = "/invocations-bidirectional-stream"


class SingleModelEndpoint:
    """Answers requests with one model."""

    def __init__(self, predictor: Predictor, settings: ServingSettings) -> None:
        """Take the model, and the settings of the server."""
        self.predictor = predictor
        self.handler = RequestHandler(settings)
        self.headers = [predictor.header]
        self._settings = settings

    def answer(self, request: Request, record: Record, name: str = "") -> handler.Response:  # noqa: ARG002 - Endpoint's
        """Answer *request* as `handler.Endpoint` describes it."""
        return self.handler.answer(request, self.predictor, record)

    def identities(self) -> list[dict[str, str]]:
        """Return the identity of the model, in a list."""
        return [self.predictor.identity]

    def routes(self) -> Blueprint:
        """Return the routes."""
        blueprint = Blueprint("model", __name__)

        @blueprint.post("/invocations")
        def invocations() -> Response:
            return views.respond(self, self._settings)

        @blueprint.get(STREAM)
        def no_handshake() -> Response:
            raise RequestError("not a WebSocket handshake: this path accepts nothing else")

        @blueprint.get("/execution-parameters")
        def execution_parameters() -> dict[str, int | str]:
            return batch_transform.execution_parameters(self._settings, self.predictor)

        return blueprint
