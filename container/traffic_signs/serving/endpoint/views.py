"""Flask's requests and responses <-> those of the request handler."""

from typing import Any

from flask import Response, request

from traffic_signs.serving.codec import body
from traffic_signs.serving.endpoint import handler
from traffic_signs.serving.endpoint.handler import Endpoint, Request
from traffic_signs.serving.telemetry.request_record import Record
from traffic_signs.settings.serving import ServingSettings


def get_record(environ: dict[str, Any]) -> Record:
    """Return the record of the current request; where the asynchronous server has begun none, there is a new one."""
    scope: dict[str, Any] = environ.get("asgi.scope", {})
    record: Record = environ.setdefault("traffic_signs.record", scope.get("state", {}).get("record") or Record())
    return record


def respond(endpoint: Endpoint, settings: ServingSettings, name: str = "") -> Response:
    """Have *endpoint* answer the current request, to the model *name* of several; errors are the application's."""
    record = get_record(request.environ)
    record.headers = endpoint.headers
    content = body.read(request.environ, settings.payload_mb * 2**20)
    headers = {key.lower(): value for key, value in request.headers}
    return flask_response(endpoint.answer(Request(headers, content), record, name))


def flask_response(response: handler.Response) -> Response:
    """Turn the handler's response into Flask's."""
    return Response(response.body, response.status, response.headers)
