"""WebSocket endpoint: answers each message, in order, until one side closes.

The server reads only a few messages ahead. A client that sends faster than it is answered, or does not read, is slowed
down by TCP and cannot fill the memory.

Source: the platform's contract for bidirectional streaming in "Use Your Own Inference Code with Hosting Services".
"""

import contextlib
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from traffic_signs.errors import ImageError, NotLoadedError, OverloadError
from traffic_signs.images.decode_budget import Budget
from traffic_signs.serving.endpoint import handler, stream_frames
from traffic_signs.serving.endpoint.handler import Endpoint
from traffic_signs.serving.endpoint.single_model import STREAM, SingleModelEndpoint
from traffic_signs.serving.http.scheduling import SMALL_BUDGET_FACTOR, SMALL_BYTES, EventLoopBatcher, Pool
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.serving.telemetry.request_record import Record

_MAX_READ_AHEAD = 4


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's protocol, which pauses reading after a few small messages instead of after each one.

    A pause and a resume are a system call each.
    """

    def send_receive_event_to_app(self) -> None:
        """Queue a complete message for the application."""
        size, paused = sum(map(len, self.frames)), self.read_paused
        self.read_paused = True  # so that uvicorn does not pause by itself
        super().send_receive_event_to_app()
        self.read_paused = paused
        if not paused and (size > SMALL_BYTES or self.queue.qsize() > _MAX_READ_AHEAD):
            self.read_paused = True
            self.transport.pause_reading()


class WebSocketHandler:
    """Answers the WebSockets of a worker."""

    def __init__(
        self, endpoint: Endpoint, max_streams: int, pool: Pool, batcher: EventLoopBatcher | None, metrics: Metrics
    ) -> None:
        """Take the endpoint, the most streams at a time, and the two ways to compute."""
        self._endpoint, self._max_streams, self._metrics = endpoint, max_streams, metrics
        self._pool, self._batcher = pool, batcher
        self._open_streams = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a stream until it closes, or refuse the handshake."""
        await receive()
        record = Record()
        try:
            stream = self._open_stream(scope)
        except Exception as error:  # noqa: BLE001 - the client gets an answer to every error
            status, headers, body = handler.error_response(error, record)
            encoded = [(name.encode(), value.encode()) for name, value in headers]
            await send({"type": "websocket.http.response.start", "status": status, "headers": encoded})
            await send({"type": "websocket.http.response.body", "body": body})
            await receive()
            await receive()  # returns when the connection has closed; uvicorn logs an error if this method ends before
        else:
            status = 101
            self._open_streams += 1
            try:
                await send({"type": "websocket.accept"})
                with contextlib.suppress(OSError):  # the client has left
                    while (message := await receive())["type"] == "websocket.receive":
                        content = message["text"] if message.get("bytes") is None else message["bytes"]
                        alone = len(scope["state"]["tasks"]) == 1
                        text = await self._answer(stream, content, record, alone=alone)
                        await send({"type": "websocket.send", "text": text})
            finally:
                self._open_streams -= 1
        self._metrics.count_response(scope["path"], status)

    def _open_stream(self, scope: Any) -> stream_frames.FrameHandler:
        if scope["path"] != STREAM or not isinstance(self._endpoint, SingleModelEndpoint):
            raise NotLoadedError(f"no WebSocket endpoint at {scope['path'][:100]}")
        if self._open_streams >= self._max_streams:
            raise OverloadError("too many streams are open; try again in a second")
        return stream_frames.FrameHandler(self._endpoint.predictor, dict(parse_qsl(scope["query_string"].decode())))

    async def _answer(
        self, stream: stream_frames.FrameHandler, message: bytes | str, record: Record, *, alone: bool
    ) -> str:
        if self._batcher and len(message) <= SMALL_BYTES:
            try:
                pixels = stream_frames.decode(message, Budget(SMALL_BUDGET_FACTOR))
                rows = self._batcher.run(pixels) if alone else await self._batcher.submit(pixels)
                return stream.write(rows, pixels)
            except ImageError:  # perhaps only above this small budget: a thread decides
                pass
            except Exception as error:  # noqa: BLE001 - the stream continues after every error
                return stream_frames.error_message(error)
        return await self._pool.run(partial(stream.answer, message), record, admitted=True)
