"""The ASGI application: predictions and /ping by itself, WebSockets, and Flask for every other route.

POST /invocations, POST /models/NAME/invoke   body -> small: the event loop | else: a thread -> response
GET, POST /ping                               200
WebSocket                                     `websocket.Streams`
the rest                                      body -> Flask, in threads of its own
"""

import asyncio
import contextlib
import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any

from flask import Flask

from traffic_signs.errors import ImageError, LeftError, OverloadError
from traffic_signs.model import litert
from traffic_signs.serving.endpoint import handler
from traffic_signs.serving.endpoint.handler import ENDPOINT, Request, Response
from traffic_signs.serving.endpoint.single_model import OneModel
from traffic_signs.serving.engine.capacity import Plan
from traffic_signs.serving.http import websocket
from traffic_signs.serving.http.bodies import Bodies, Receive
from traffic_signs.serving.http.lifespan import Lifespan
from traffic_signs.serving.http.mounted import Mounted, Send
from traffic_signs.serving.http.scheduling import SMALL_BYTES, SMALL_TIMES, TURN_SECONDS, Joiner, Pool
from traffic_signs.serving.multi_model.routes import ManyModels
from traffic_signs.serving.telemetry import logs
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.serving.telemetry.request_record import Record
from traffic_signs.settings.serving import ServingSettings

_BOUNDED = re.compile(r"(?:application/(?:json|x-npy)|text/csv|image/(?:png|jpeg))\s*(?:;.*)?", re.IGNORECASE)
"""Content types of which a few bytes cannot ask for much."""
_ONE_MODEL, _MANY_MODELS = re.compile("/invocations/?"), re.compile("/models/([A-Za-z0-9._~-]+)/invoke/?")
_PONG = Response(200, [], b"")


class Application:
    """What uvicorn calls; one in a worker."""

    def __init__(
        self, site: Flask, settings: ServingSettings, plan: Plan, metrics: Metrics, notify: Callable[[], None]
    ) -> None:
        """Take the Flask application, which has the endpoint, and what is called while the event loop goes on."""
        self._endpoint: handler.Endpoint = site.extensions[ENDPOINT]
        self._path = _MANY_MODELS if isinstance(self._endpoint, ManyModels) else _ONE_MODEL
        self._metrics = metrics
        self._pool = pool = Pool(plan.threads, settings.queue_length, settings.patience_seconds / 2, metrics)
        self._joiner: Joiner | None = None
        # on a GPU requests are joined by the engine, and nobody knows how long hooks will take the next time
        if plan.engine == "litert" and isinstance(self._endpoint, OneModel):
            engine = self._endpoint.predictor.second()
            joiner = Joiner(engine.run, litert.BATCH)
            engine.observe = metrics.batch
            self._joiner = joiner if joiner.seconds < TURN_SECONDS else None
        self._lifespan = Lifespan(settings, metrics, pool, notify)
        self._bodies = Bodies(settings.payload_mb, pool)
        self._streams = websocket.Streams(self._endpoint, settings.streams, pool, self._joiner, metrics)

        self._mounted = Mounted(site)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer as ASGI has it."""
        if scope["type"] == "websocket":
            await self._streams(scope, receive, send)
            return
        if scope["type"] == "lifespan":
            await self._lifespan(scope, receive, send)
            return
        record = Record()
        headers = _headers(scope)
        try:
            try:
                response = await self._answer(scope, headers, receive, send, record)
            except LeftError as error:
                record.left, record.reason, response = True, str(error), None
            except asyncio.CancelledError:  # by uvicorn, when the time to stop is over
                response = handler.refusal(OverloadError("the server stops; try again"), record)
            except Exception as error:  # noqa: BLE001 - the client gets an answer, and the log the error
                response = handler.refusal(error, record)
            if response:
                await self._respond(response, scope, receive, send, record)
        finally:
            self._bodies.give_back(record)
            if record.left:
                record.status = 499
            if "refused" in scope:
                record.status, record.reason = scope["refused"]
            now = time.monotonic()
            self._metrics.answered(scope["path"], record.status, record, now)
            if record.status != 503:  # `Pool.log_refusals` does
                logs.answered(scope["method"], scope["path"], headers, record, now - record.arrived)

    async def _answer(
        self, scope: Any, headers: dict[str, str], receive: Receive, send: Send, record: Record
    ) -> Response | None:
        """Return the response, None if it has been sent."""
        method, path = scope["method"], scope["path"]
        if path == "/ping" and method in ("GET", "POST"):
            return _PONG
        if scope["crowded"]:
            raise OverloadError("too many connections; try again in a second")
        if method == "POST" and (model := self._path.fullmatch(path)):
            return await self._predict(headers, receive, record, scope["state"], "".join(model.groups()))
        await self._mounted(scope, await self._bodies.read(receive, headers, record), send, record)
        return None

    async def _predict(
        self, headers: dict[str, str], receive: Receive, record: Record, state: Any, name: str = ""
    ) -> Response:
        record.headers = self._endpoint.headers
        request = Request(headers, await self._bodies.read(receive, headers, record))
        if self._joiner and isinstance(self._endpoint, OneModel) and _is_bounded(request):
            model = self._endpoint
            try:
                question = model.handler.read(request, model.predictor, record, SMALL_TIMES)
            except ImageError:  # maybe of this budget: a thread will say
                pass
            else:
                if not question.form.stream:
                    alone = len(state["tasks"]) == 1
                    rows = self._joiner.run(question.pixels) if alone else await self._joiner.ask(question.pixels)
                    record.lap("engine")
                    return model.handler.write(question, rows, model.predictor, record)
        with _watching(receive, record):
            return await self._pool.run(partial(self._endpoint.answer, request, record, name), record)

    async def _respond(self, response: Response, scope: Any, receive: Receive, send: Send, record: Record) -> None:
        record.status, body = response.status, response.body
        headers = [_encoded(header) for header in response.headers]
        if not isinstance(body, bytes) and scope["http_version"] == "1.0":  # which has no chunks
            with contextlib.closing(body):
                body = await self._pool.run(partial(b"".join, body), record, admitted=True)
        if scope["crowded"] or record.unread:
            headers.append((b"connection", b"close"))
        if isinstance(body, bytes):
            record.bytes_out = len(body)
            headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if isinstance(body, bytes):
            await send({"type": "http.response.body", "body": body})
            return
        with contextlib.closing(body), contextlib.suppress(LeftError), _watching(receive, record):
            while part := await self._pool.run(partial(next, body, None), record, admitted=True):
                record.bytes_out += len(part)
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body"})


def _headers(scope: Any) -> dict[str, str]:
    """Return the headers by name in lower case; those that come several times are joined, as WSGI servers do."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


@lru_cache(maxsize=256)
def _encoded(header: tuple[str, str]) -> tuple[bytes, bytes]:
    return header[0].lower().encode(), header[1].encode("latin-1")


def _is_bounded(request: Request) -> bool:
    """Say whether the few bytes of *request* bound the work for it."""
    headers, body = request
    kind = headers.get("content-type", "")
    return len(body) <= SMALL_BYTES and bool(_BOUNDED.fullmatch(kind)) and "content-encoding" not in headers


@contextlib.contextmanager
def _watching(receive: Receive, record: Record) -> Iterator[None]:
    """Stop working for a client that leaves."""

    async def watch() -> None:
        await receive()  # the body has been read: what comes now is the end of the connection
        record.left = True
        if record.work:
            record.work.cancel()

    watcher = asyncio.ensure_future(watch())
    try:
        yield
    finally:
        watcher.cancel()
