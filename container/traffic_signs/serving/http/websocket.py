"""WebSockets: messages in, an answer to each of them out, in order, until somebody closes.

Only a few messages are read ahead, so a client that sends faster than it is answered, or does not read, is slowed down
by TCP and fills no memory.

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
from traffic_signs.serving.endpoint.single_model import STREAM, OneModel
from traffic_signs.serving.http.scheduling import SMALL_BYTES, SMALL_TIMES, Joiner, Pool
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.serving.telemetry.request_record import Record

_AHEAD = 4


class Stream(WebSocketsSansIOProtocol):
    """A connection: uvicorn's, which stops reading behind every message, and with it does so behind a few small ones.

    To stop and to go on are two system calls each time.
    """

    def send_receive_event_to_app(self) -> None:
        """Hand over a message that is whole."""
        size, paused = sum(map(len, self.frames)), self.read_paused
        self.read_paused = True  # so that uvicorn does not stop by itself
        super().send_receive_event_to_app()
        self.read_paused = paused
        if not paused and (size > SMALL_BYTES or self.queue.qsize() > _AHEAD):
            self.read_paused = True
            self.transport.pause_reading()


class Streams:
    """The WebSockets of a worker."""

    def __init__(self, endpoint: Endpoint, most: int, pool: Pool, joiner: Joiner | None, metrics: Metrics) -> None:
        """Take the endpoint, how many streams there may be at a time, and who computes."""
        self._endpoint, self._most, self._pool, self._joiner, self._metrics = endpoint, most, pool, joiner, metrics
        self._number = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Hold a conversation to its end, or refuse the handshake."""
        await receive()
        record = Record()
        try:
            stream = self._begin(scope)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets an answer
            status, headers, body = handler.refusal(error, record)
            encoded = [(name.encode(), value.encode()) for name, value in headers]
            await send({"type": "websocket.http.response.start", "status": status, "headers": encoded})
            await send({"type": "websocket.http.response.body", "body": body})
            await receive()
            await receive()  # until the connection has ended; uvicorn logs an error if this returns before
        else:
            status = 101
            self._number += 1
            try:
                await send({"type": "websocket.accept"})
                with contextlib.suppress(OSError):  # the client is gone
                    while (message := await receive())["type"] == "websocket.receive":
                        content = message["text"] if message.get("bytes") is None else message["bytes"]
                        alone = len(scope["state"]["tasks"]) == 1
                        text = await self._answer(stream, content, record, alone=alone)
                        await send({"type": "websocket.send", "text": text})
            finally:
                self._number -= 1
        self._metrics.answered(scope["path"], status)

    def _begin(self, scope: Any) -> stream_frames.Frames:
        if scope["path"] != STREAM or not isinstance(self._endpoint, OneModel):
            raise NotLoadedError(f"no WebSockets at {scope['path'][:100]}")
        if self._number >= self._most:
            raise OverloadError("too many streams are open; try again in a second")
        return stream_frames.Frames(self._endpoint.predictor, dict(parse_qsl(scope["query_string"].decode())))

    async def _answer(self, stream: stream_frames.Frames, message: bytes | str, record: Record, *, alone: bool) -> str:
        if self._joiner and len(message) <= SMALL_BYTES:
            try:
                pixels = stream_frames.decode(message, Budget(SMALL_TIMES))
                return stream.write(self._joiner.run(pixels) if alone else await self._joiner.ask(pixels))
            except ImageError:  # maybe of this budget: a thread will say
                pass
            except Exception as error:  # noqa: BLE001 - the stream goes on, whatever it is
                return stream_frames.refusal(error)
        return await self._pool.run(partial(stream.answer, message), record, admitted=True)
