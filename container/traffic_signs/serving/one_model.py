"""The routes of an endpoint or a batch transform job with one model.

/invocations                        a body -> its predictions
/invocations-bidirectional-stream   a WebSocket: a frame -> its prediction, again and again
/execution-parameters               how a batch transform job should ask
"""

from collections.abc import Callable

from flask import Blueprint, Response, request

from traffic_signs.serving import batch, body, frames, record, websocket
from traffic_signs.serving.predictor import Predictor
from traffic_signs.settings import ServingSettings


def routes(
    predictor: Predictor, answer: Callable[[Predictor, bytes], Response], settings: ServingSettings
) -> Blueprint:
    """Return the routes.

    Args:
        predictor: the model.
        answer: turns the body of the current request into the response.
        settings: the payload limit, and what a job says.
    """
    blueprint = Blueprint("model", __name__)
    limit = settings.payload_mb * 1024 * 1024

    @blueprint.post("/invocations")
    def invocations() -> Response:
        record.current().headers = [predictor.header]
        # first: gunicorn drops a connection with an unread body, and says nothing
        return answer(predictor, body.read(request.environ, limit))

    @blueprint.get(websocket.PATH, websocket=True)
    def frames_in_predictions_out() -> Response:
        websocket.converse(
            request.environ["gunicorn.socket"], request.headers, frames.answerer(predictor, request.args)
        )
        return Response(status=101)  # of which nothing is sent: the connection is closed

    @blueprint.get("/execution-parameters")
    def execution_parameters() -> dict[str, int | str]:
        return batch.execution_parameters(settings, predictor)

    return blueprint
