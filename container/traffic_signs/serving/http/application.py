"""ASGI application: answers predictions, /ping and WebSockets itself, and passes every other route to Flask.

POST /invocations, POST /models/NAME/invoke   body -> small: the event loop | else: a thread -> response
GET, POST /ping                               200
WebSocket                                     `websocket.WebSocketHandler`
other routes                                  body -> Flask, in its own threads
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

from flask import Flask

from traffic_signs.errors import DisconnectedError, ImageError, OverloadError
from traffic_signs.model import litert
from traffic_signs.serving.endpoint import handler
from traffic_signs.serving.endpoint.handler import ENDPOINT, Request, Response
from traffic_signs.serving.endpoint.single_model import SingleModelEndpoint
from traffic_signs.serving.engine.capacity import Plan
from traffic_signs.serving.http import websocket
from traffic_signs.serving.http.bodies import BodyReader, Receive
from traffic_signs.serving.http.lifespan import Lifespan
from traffic_signs.serving.http.mounted import FlaskMount, Send
from traffic_signs.serving.http.scheduling import (
    MAX_RUN_SECONDS,
    SMALL_BUDGET_FACTOR,
    SMALL_BYTES,
    EventLoopBatcher,
    Pool,
)
from traffic_signs.serving.multi_model.routes import MultiModelEndpoint
from traffic_signs.serving.telemetry import logs
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.serving.telemetry.request_record import Record
from traffic_signs.settings.serving import ServingSettings

_BOUNDED_TYPES = re.compile(r"(?:application/(?:json|x-npy)|text/csv|image/(?:png|jpe?g))\s*(?:;.*)?", re.IGNORECASE)
"""Content types whose decoding cost a few bytes bound."""
_SINGLE_MODEL_PATH, _MULTI_MODEL_PATH = re.compile("/invocations/?"), re.compile("/models/([A-Za-z0-9._~-]+)/invoke/?")
_PING_RESPONSE = Response(200, [], b"")


class Application:
    """The application that uvicorn calls; one per worker."""

    def __init__(
        self, flask_app: Flask, settings: ServingSettings, plan: Plan, metrics: Metrics, notify: Callable[[], None]
    ) -> None:
        """Take the Flask application, which holds the endpoint, and *notify*, gunicorn's heartbeat."""
        self._endpoint: handler.Endpoint = flask_app.extensions[ENDPOINT]
        self._path = _MULTI_MODEL_PATH if isinstance(self._endpoint, MultiModelEndpoint) else _SINGLE_MODEL_PATH
        self._metrics = metrics
        self._pool = pool = Pool(plan.threads, settings.queue_length, settings.answer_timeout_seconds / 2, metrics)
        self._batcher: EventLoopBatcher | None = None
        # on a GPU the engine batches requests itself, and the run time of hooks is not predictable
        if plan.engine == "litert" and isinstance(self._endpoint, SingleModelEndpoint):
            engine = self._endpoint.predictor.create_litert_engine()
            batcher = EventLoopBatcher(engine.run, litert.BATCH)
            engine.observe = metrics.observe_batch
            self._batcher = batcher if batcher.seconds_per_image < MAX_RUN_SECONDS else None
        self._lifespan = Lifespan(settings, metrics, pool, notify)
        self._body_reader = BodyReader(settings.payload_mb, pool)
        self._websockets = websocket.WebSocketHandler(self._endpoint, settings.streams, pool, self._batcher, metrics)

        self._flask = FlaskMount(flask_app)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a request, a WebSocket or the lifespan messages, as ASGI specifies."""
        if scope["type"] == "websocket":
            await self._websockets(scope, receive, send)
            return
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        record = Record()
        headers = _headers(scope)
        try:
            try:
                response = await self._answer(scope, headers, receive, send, record)
            except DisconnectedError as error:
                record.client_left, record.reason, response = True, str(error), None
            except asyncio.CancelledError:  # by uvicorn, at the end of the graceful shutdown
                response = handler.error_response(OverloadError("the server is stopping; try again"), record)
            except Exception as error:  # noqa: BLE001 - the client gets an answer to every error, the log has the error
                response = handler.error_response(error, record)
            if response:
                await self._respond(response, scope, receive, send, record)
        finally:
            self._body_reader.release_slot(record)
            if record.client_left:
                record.status = 499
            if "refused" in scope:
                record.status, record.reason = scope["refused"]
            now = time.monotonic()
            self._metrics.count_response(scope["path"], record.status, record, now)
            if record.status != 503:  # which `Pool.log_refusals` logs
                logs.log_response(scope["method"], scope["path"], headers, record, now - record.arrived)

    async def _answer(
        self, scope: Any, headers: dict[str, str], receive: Receive, send: Send, record: Record
    ) -> Response | None:
        """Return the response; None if it has been sent."""
        method, path = scope["method"], scope["path"]
        if path == "/ping" and method in ("GET", "POST"):
            return _PING_RESPONSE
        if scope["over_limit"]:
            raise OverloadError("too many connections; try again in a second")
        if method == "POST" and (model := self._path.fullmatch(path)):
            return await self._predict(headers, receive, record, scope["state"], "".join(model.groups()))
        await self._flask(scope, await self._body_reader.read(receive, headers, record), send, record)
        return None

    async def _predict(
        self, headers: dict[str, str], receive: Receive, record: Record, state: Any, name: str = ""
    ) -> Response:
        record.headers = self._endpoint.headers
        request = Request(headers, await self._body_reader.read(receive, headers, record))
        if self._batcher and isinstance(self._endpoint, SingleModelEndpoint) and _has_bounded_cost(request):
            model = self._endpoint
            try:
                decoded = model.handler.read(request, model.predictor, record, SMALL_BUDGET_FACTOR)
            except ImageError:  # perhaps only above this small budget: a thread decides
                pass
            else:
                if not decoded.response_format.stream:
                    alone = len(state["tasks"]) == 1
                    rows = self._batcher.run(decoded.pixels) if alone else await self._batcher.submit(decoded.pixels)
                    record.lap("engine")
                    return model.handler.write(decoded, rows, model.predictor, record)
        with _cancel_on_disconnect(receive, record):
            return await self._pool.run(partial(self._endpoint.answer, request, record, name), record)

    async def _respond(self, response: Response, scope: Any, receive: Receive, send: Send, record: Record) -> None:
        record.status, body = response.status, response.body
        headers = [_encode_header(header) for header in response.headers]
        if not isinstance(body, bytes) and scope["http_version"] == "1.0":  # has no chunked encoding
            with contextlib.closing(body):
                body = await self._pool.run(partial(b"".join, body), record, admitted=True)
        if scope["over_limit"] or record.body_unread:
            headers.append((b"connection", b"close"))
        if isinstance(body, bytes):
            record.bytes_out = len(body)
            headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if isinstance(body, bytes):
            await send({"type": "http.response.body", "body": body})
            return
        with contextlib.closing(body), contextlib.suppress(DisconnectedError), _cancel_on_disconnect(receive, record):
            while part := await self._pool.run(partial(next, body, None), record, admitted=True):
                record.bytes_out += len(part)
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body"})


def _headers(scope: Any) -> dict[str, str]:
    """Return the headers by lower-case name; repeated headers are joined by commas, as WSGI servers do."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


@lru_cache(maxsize=256)
def _encode_header(header: tuple[str, str]) -> tuple[bytes, bytes]:
    return header[0].lower().encode(), header[1].encode("latin-1")


def _has_bounded_cost(request: Request) -> bool:
    """Return whether the small size of *request* bounds its decoding cost."""
    headers, body = request
    content_type = headers.get("content-type", "")
    return (
        len(body) <= SMALL_BYTES and bool(_BOUNDED_TYPES.fullmatch(content_type)) and "content-encoding" not in headers
    )


@contextlib.contextmanager
def _cancel_on_disconnect(receive: Receive, record: Record) -> Iterator[None]:
    """Cancel the work for a client that disconnects."""

    async def watch() -> None:
        await receive()  # the body has been read, so the next message is the disconnect
        record.client_left = True
        if record.future:
            record.future.cancel()

    watcher = asyncio.ensure_future(watch())
    try:
        yield
    finally:
        watcher.cancel()
