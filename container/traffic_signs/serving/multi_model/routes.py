"""Routes of a multi-model endpoint, by which the platform loads, lists, invokes and unloads models.

    POST   /models {"model_name", "url"}          200  400 name, URL or model  404 no such path  409  507
    GET    /models ?next_page_token= &limit=      200 {"models": [{"modelName", "modelUrl"}], "nextPageToken"}
    GET    /models/<name>                         200 {"modelName", "modelUrl"}  404
    DELETE /models/<name>                         200  404
    POST   /models/<name>/invoke                  as /invocations, and 404  507

Source: "Custom Containers Contract for Multi-Model Endpoints" in the SageMaker developer guide; `limit` is that of
AWS's multi-model-server.
"""

import contextlib
import logging
from collections.abc import Callable
from typing import Any

import orjson
from flask import Blueprint, Response, request

from traffic_signs.errors import RequestError
from traffic_signs.serving.codec import body
from traffic_signs.serving.endpoint import handler, views
from traffic_signs.serving.endpoint.handler import Request, RequestHandler
from traffic_signs.serving.multi_model.manager import ModelManager
from traffic_signs.serving.multi_model.registry import Entry
from traffic_signs.serving.telemetry.request_record import Record
from traffic_signs.settings.serving import ServingSettings

_log = logging.getLogger(__name__)
_TARGET = "X-Amzn-SageMaker-Target-Model"
"""The client's name of the model, for logs only; the platform names it differently in the path."""
_MAX_BODY_BYTES = 64 * 1024
_MAX_LIMIT = 1_000
_DEFAULT_LIMIT = "100"


class MultiModelEndpoint:
    """Answers requests with the model that each names."""

    headers: list[tuple[str, str]] = []  # noqa: RUF012 - never changed: each model adds its own header

    def __init__(self, models: ModelManager, settings: ServingSettings) -> None:
        """Take the models of this worker."""
        self._models = models
        self._handler = RequestHandler(settings)
        self._settings = settings

    def answer(self, request: Request, record: Record, name: str = "") -> handler.Response:
        """Answer *request* as `handler.Endpoint` describes it, with the model *name*."""
        _log.debug("invoke %s (%s)", name, request.headers.get(_TARGET.lower()))
        with contextlib.ExitStack() as stack:
            response = self._handler.answer(request, stack.enter_context(self._models.using(name)), record)
            if isinstance(response.body, handler.StreamedBody):  # its later parts still need the model
                response.body.exit_stack.push(stack.pop_all())
            return response

    def identities(self) -> list[dict[str, str]]:
        """Return the identity of each loaded model."""
        return self._models.identities()

    def routes(self) -> Blueprint:
        """Return the routes."""
        return _routes(self._models, lambda name: views.respond(self, self._settings, name))


def _routes(models: ModelManager, answer: Callable[[str], Response]) -> Blueprint:
    blueprint = Blueprint("models", __name__)

    @blueprint.post("/models")
    def load() -> dict[str, str]:
        name, url = _parse_load_request(body.read(request.environ, _MAX_BODY_BYTES))
        entry = models.load(name, url)
        _log.info("loaded %s (%s) from %s: %d bytes a worker", name, request.headers.get(_TARGET), url, entry.size)
        return _entry_json(entry)

    @blueprint.get("/models")
    def page() -> dict[str, Any]:
        text = request.args.get("limit", _DEFAULT_LIMIT)
        if not (text.isdecimal() and len(text) < 5 and 1 <= int(text) <= _MAX_LIMIT):
            raise RequestError(f"limit = {text[:50]!r}; expected a whole number from 1 to {_MAX_LIMIT:,}")
        entries, token = models.page(request.args.get("next_page_token", ""), int(text))
        found: dict[str, Any] = {"models": [_entry_json(entry) for entry in entries]}
        return found | ({"nextPageToken": token} if token else {})

    @blueprint.get("/models/<name>")
    def describe(name: str) -> dict[str, str]:
        return _entry_json(models.get(name))

    @blueprint.delete("/models/<name>")
    def unload(name: str) -> dict[str, str]:
        models.unload(name)
        _log.info("unloaded %s", name)
        return {"status": f"model {name} is unloaded"}

    @blueprint.post("/models/<name>/invoke")
    def invoke(name: str) -> Response:
        return answer(name)

    return blueprint


def _parse_load_request(content: bytes) -> tuple[str, str]:
    try:
        content_json = orjson.loads(content)
        name, url = content_json["model_name"], content_json["url"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise RequestError(f'expected {{"model_name": "...", "url": "..."}} ({error!r})') from error
    if not isinstance(name, str) or not isinstance(url, str):
        raise RequestError("model_name and url must be strings")
    return name, url


def _entry_json(entry: Entry) -> dict[str, str]:
    return {"modelName": entry.name, "modelUrl": entry.url}
