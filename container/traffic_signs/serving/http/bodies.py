"""Reader of request bodies from ASGI, within the payload limit; the protocol class enforces deadlines."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from traffic_signs.errors import DisconnectedError, OverloadError, TooLargeError, TransferEncodingError
from traffic_signs.serving.http.scheduling import SMALL_BYTES, Pool
from traffic_signs.serving.telemetry.request_record import Record

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
_LARGE_BYTES = 2**20
"""Bodies of more bytes need one of the slots."""
_MAX_HELD_MB = 250


class BodyReader:
    """Reads bodies, and holds only a few large ones at a time, so that many clients cannot exhaust the memory."""

    def __init__(self, payload_mb: int, pool: Pool) -> None:
        """Take the payload limit in MB, and the pool whose queue the requests enter."""
        self._limit, self._pool = payload_mb * 2**20, pool
        self._large_slots = asyncio.Semaphore(max(2, _MAX_HELD_MB // payload_mb))
        self._waiting = 0

    async def read(self, receive: Receive, headers: Mapping[str, str], record: Record) -> bytes:
        """Read the body of a request; a large one takes a slot, which `release_slot` frees.

        Args:
            receive: ASGI's.
            headers: of the request, names in lower case.
            record: notes whether the body is unread and whether it holds a slot.

        Raises:
            OverloadError: a body that is not small would have to wait too long.
            TransferEncodingError: the transfer encoding is not chunked.
            TooLargeError: the announced or received size is above the limit.
            DisconnectedError: the client left, or was refused, before the end of the body.
        """
        record.body_unread = True
        if headers.get("transfer-encoding", "chunked").strip().lower() != "chunked":
            raise TransferEncodingError(f"Transfer-Encoding {headers['transfer-encoding'][:100]}; expected chunked")
        length = int(headers.get("content-length", 0))
        if length > self._limit:
            raise TooLargeError(self._limit)
        if length > SMALL_BYTES:
            self._pool.check_capacity(self._waiting)
        parts: list[bytes] = []
        if await _receive_parts(receive, parts, _LARGE_BYTES):
            self._pool.check_capacity(self._waiting)
            await self._acquire_slot(record)
            await _receive_parts(receive, parts, self._limit)
        body = b"".join(parts)
        if len(body) > self._limit:
            raise TooLargeError(self._limit)
        record.body_unread = False
        return body

    async def _acquire_slot(self, record: Record) -> None:
        self._waiting += 1
        try:
            async with asyncio.timeout(self._pool.max_wait_seconds):
                await self._large_slots.acquire()
        except TimeoutError as error:
            raise OverloadError from error
        finally:
            self._waiting -= 1
        record.holds_slot = True

    def release_slot(self, record: Record) -> None:
        """Free the slot of a request that has been answered, if it holds one."""
        if record.holds_slot:
            self._large_slots.release()


async def _receive_parts(receive: Receive, parts: list[bytes], max_bytes: int) -> bool:
    """Append to *parts* until they have more than *max_bytes* bytes; return whether more is to come."""
    size = sum(map(len, parts))
    while size <= max_bytes:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError("the client left before the end of the body")
        parts.append(message["body"])
        size += len(parts[-1])
        if not message["more_body"]:
            return False
    return True
