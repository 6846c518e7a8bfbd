"""The Flask application mounted in the asynchronous server, for the routes that the server does not answer itself."""

from collections.abc import Awaitable, Callable
from typing import Any

from a2wsgi import WSGIMiddleware
from flask import Flask

from traffic_signs.serving.http.bodies import Message, Receive
from traffic_signs.serving.telemetry.request_record import Record

Send = Callable[[Message], Awaitable[None]]


class FlaskMount:
    """Runs Flask in its own threads."""

    def __init__(self, app: Flask) -> None:
        """Take the Flask application."""

        def chunked(environ: Any, start_response: Any) -> Any:
            # else Flask takes a body without a length for an empty one
            return app(environ | {"wsgi.input_terminated": True}, start_response)

        self._app: Any = WSGIMiddleware(chunked)
        self._model_management: Any = WSGIMiddleware(chunked, workers=4)
        """Threads of their own, because loading a model, or unloading one that is in use, may take long."""

    async def __call__(self, scope: Any, body: bytes, send: Send, record: Record) -> None:
        """Answer the request of *scope*, whose *body* has been read."""
        scope["state"]["record"] = record
        manages_models = scope["path"].startswith("/models") and scope["method"] in ("POST", "DELETE")
        await (self._model_management if manages_models else self._app)(
            scope, _replay(body), _counting_send(send, record)
        )


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _counting_send(send: Send, record: Record) -> Send:
    async def counted(message: Message) -> None:
        record.status = message.get("status", record.status)
        record.bytes_out += len(message.get("body", b""))
        await send(message)

    return counted
