"""A WebSocket: messages in, an answer to each of them out, in order, until somebody closes it.

    handshake -> [ message -> answer | ping -> pong | silence -> ping ] -> close

One thread reads, answers and writes in turn. So a client that sends faster than it is answered, or
does not read, is slowed down by TCP and fills no memory. (`simple_websocket.Server` reads in a
thread of its own, without a bound, and takes a part that was sent for the whole.)

Source: the platform's contract for bidirectional streaming in "Use Your Own Inference Code with
Hosting Services": it sends a ping every 60 s, and closes after 5 of them without a pong.
"""

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Message, Ping, TextMessage
from wsproto.frame_protocol import CloseReason
from wsproto.utilities import RemoteProtocolError

from traffic_signs.errors import RequestError

PATH = "/invocations-bidirectional-stream"
GOING_AWAY = threading.Event()
"""Set when the process is to end: every conversation is closed then, with code 1001."""
MAX_MESSAGE = 6 * 1024 * 1024
"""Bytes of a message: a camera's frame, not its video."""
PING_SECONDS = 60.0
_SILENT_PINGS = 5
_LOOK_MS = 500
"""How often GOING_AWAY is looked at."""
_READ = 64 * 1024


def converse(sock: socket.socket, headers: Iterable[tuple[str, str]], answer: Callable[[bytes | str], str]) -> None:
    """Hold a conversation to its end; nothing can be written to *sock* afterwards.

    Args:
        sock: a blocking socket of which the request's head has been read.
        headers: those of the request.
        answer: called with each message, binary or text, in order; what it returns is sent as text. May not raise.

    Raises:
        RequestError: the request is no handshake; nothing has been sent.
    """
    connection = WSConnection(ConnectionType.SERVER)
    try:
        connection.initiate_upgrade_connection([(name.encode(), value.encode()) for name, value in headers], PATH)
        next(connection.events())
    except RemoteProtocolError as error:
        raise RequestError(f"no handshake of a WebSocket: {error}") from error
    with contextlib.suppress(OSError):  # the client is gone, or leaves answers unread
        # without permessage-deflate: images are packed already, and a kilobyte cannot become a megabyte
        sock.sendall(connection.send(AcceptConnection()))
        _Conversation(sock, connection, answer).run()


class _Conversation:
    def __init__(self, sock: socket.socket, connection: WSConnection, answer: Callable[[bytes | str], str]) -> None:
        self._sock = sock
        self._connection = connection
        self._answer = answer
        self._message = bytearray()
        self._heard = time.monotonic()
        self._pinged = self._heard

    def run(self) -> None:
        """Go on until one side closes, or the client has not been heard for too long."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        while not GOING_AWAY.is_set():
            if poll.poll(min(_LOOK_MS, 1000 * PING_SECONDS)):
                data = self._sock.recv(_READ)
                self._heard = time.monotonic()
                self._connection.receive_data(data or None)  # None: closed without a word
                if not all(map(self._take, self._connection.events())):
                    return
            elif not self._keep_alive(time.monotonic()):
                return
        self._send(CloseConnection(CloseReason.GOING_AWAY, "the server stops"))

    def _keep_alive(self, now: float) -> bool:
        if now - self._heard > _SILENT_PINGS * PING_SECONDS:
            return False
        if now - max(self._pinged, self._heard) >= PING_SECONDS:
            self._pinged = now
            self._send(Ping())
        return True

    def _take(self, event: Event) -> bool:
        """Answer an event; say whether the conversation goes on."""
        if isinstance(event, Message):
            return self._take_message(event)
        if isinstance(event, Ping):
            self._send(event.response())
        elif isinstance(event, CloseConnection):
            if event.code != CloseReason.ABNORMAL_CLOSURE:  # the code of no farewell, which is never sent
                self._send(event.response())
            return False
        return True

    def _take_message(self, part: "Message[Any]") -> bool:
        text = isinstance(part.data, str)
        self._message += part.data.encode() if text else part.data
        if len(self._message) > MAX_MESSAGE:
            self._send(CloseConnection(CloseReason.MESSAGE_TOO_BIG, f"a message has at most {MAX_MESSAGE:,} bytes"))
            return False
        if part.message_finished:
            message = self._message.decode() if text else bytes(self._message)
            self._message.clear()
            self._send(TextMessage(self._answer(message)))
        return True

    def _send(self, event: Event) -> None:
        self._sock.sendall(self._connection.send(event))
