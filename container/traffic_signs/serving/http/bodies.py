"""A request's body from ASGI, whole and never larger than the payload limit; deadlines are the protocol's."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from traffic_signs.errors import LeftError, TooLargeError, TransferEncodingError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
_LARGE = 2**20
_TOGETHER_MB = 400


class Bodies:
    """Reads bodies; few large ones at a time, so that many slow clients do not fill the memory."""

    def __init__(self, payload_mb: int) -> None:
        """Take the payload limit."""
        self.limit = payload_mb * 2**20
        self._large = asyncio.Semaphore(max(2, _TOGETHER_MB // payload_mb))

    async def read(self, receive: Receive, headers: Mapping[str, str]) -> bytes:
        """Read the body of a request with *headers*.

        Raises:
            TransferEncodingError: it is encoded in other ways than by chunks.
            TooLargeError: it is larger than the limit, by what it announces or by what has come.
            LeftError: the client left, or was refused, before its end.
        """
        if headers.get("transfer-encoding", "chunked").strip().lower() != "chunked":
            raise TransferEncodingError(f"Transfer-Encoding {headers['transfer-encoding'][:100]}; expected chunked")
        if int(headers.get("content-length") or 0) > self.limit:
            raise TooLargeError(self.limit)
        parts: list[bytes] = []
        if await _collect(receive, parts, _LARGE):
            async with self._large:
                await _collect(receive, parts, self.limit)
        body = b"".join(parts)
        if len(body) > self.limit:
            raise TooLargeError(self.limit)
        return body


async def _collect(receive: Receive, parts: list[bytes], most: int) -> bool:
    """Receive parts until they have more than *most* bytes; say whether there are more to come."""
    size = sum(map(len, parts))
    while size <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise LeftError("the client left before the end of the body")
        parts.append(message["body"])
        size += len(parts[-1])
        if not message["more_body"]:
            return False
    return True
