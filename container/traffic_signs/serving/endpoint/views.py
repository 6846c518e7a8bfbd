"""Conversion between Flask's requests and responses and those of the request handler."""

from typing import Any

from flask import Response, request

from traffic_signs.serving.codec import body
from traffic_signs.serving.endpoint import handler
from traffic_signs.serving.endpoint.handler import Endpoint, Request
from traffic_signs.serving.telemetry.request_record import Record
from traffic_signs.settings.serving import ServingSettings


def get_record(environ: dict[str, Any]) -> Record:
    """Return the record of the current request, or a new one if the asynchronous server has not made one."""
    scope: dict[str, Any] = environ.get("asgi.scope", {})
    record: Record = environ.setdefault("traffic_signs.record", scope.get("state", {}).get("record") or Record())
    return record


def respond(endpoint: Endpoint, settings: ServingSettings, name: str = "") -> Response:
    """Have *endpoint* answer the current request, with the model *name* of several; the application handles errors."""
    record = get_record(request.environ)
    record.headers = endpoint.headers
    content = body.read(request.environ, settings.payload_mb * 2**20)
    headers = {key.lower(): value for key, value in request.headers}
    return flask_response(endpoint.answer(Request(headers, content), record, name))


def flask_response(response: handler.Response) -> Response:
    """Convert the handler's response to Flask's."""
    return Response(response.body, response.status, response.headers)
