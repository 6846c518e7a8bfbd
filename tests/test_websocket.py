"""The conversation by itself, on a pair of sockets: pings, silence, a client that does not read."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Event, Message, Ping, Pong, Request, TextMessage

from traffic_signs.serving import websocket

HEADERS = {
    "Host": "x",
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
}


@dataclass
class Client:
    """The other side, an event at a time."""

    sock: socket.socket
    thread: threading.Thread
    asked: list[bytes | str]
    connection: WSConnection = field(default_factory=lambda: WSConnection(ConnectionType.CLIENT))

    def send(self, event: Event) -> None:
        self.sock.sendall(self.connection.send(event))

    def events(self) -> Iterator[Event]:
        while data := self.sock.recv(1024):
            self.connection.receive_data(data)
            yield from self.connection.events()

    def ended(self) -> bool:
        """Hang up, and say whether the server is done; it waits for that."""
        self.sock.close()
        self.thread.join(30)
        return not self.thread.is_alive()


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Connected to a server that says what it got, 20,000 times; it pings every 0.2 s."""
    monkeypatch.setattr(websocket, "PING_SECONDS", 0.2)
    ours, theirs = socket.socketpair()
    theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    ours.settimeout(30)
    asked: list[bytes | str] = []

    def answer(message: bytes | str) -> str:
        asked.append(message)
        return (message if isinstance(message, str) else message.decode()) * 20_000

    def converse() -> None:
        websocket.converse(theirs, HEADERS.items(), answer)
        theirs.shutdown(socket.SHUT_WR)  # as the worker does

    thread = threading.Thread(target=converse, daemon=True)
    client = Client(ours, thread, asked)
    request = client.connection.send(Request(host="x", target=websocket.PATH))
    key = next(line for line in request.decode().splitlines() if line.lower().startswith("sec-websocket-key"))
    monkeypatch.setitem(HEADERS, "Sec-WebSocket-Key", key.split(": ")[1])
    thread.start()
    assert isinstance(next(client.events()), AcceptConnection)
    yield client
    assert client.ended()
    theirs.close()


def whole(events: Iterator[Event]) -> str:
    text = ""
    for event in events:
        if isinstance(event, TextMessage):
            text += event.data
            if event.message_finished:
                break
    return text


def test_a_silent_client_is_pinged_and_kept_while_it_answers(client: Client) -> None:
    for event in islice(client.events(), 10):
        assert isinstance(event, Ping)
        client.send(event.response())
    client.send(Message("a"))
    assert whole(client.events()) == "a" * 20_000


def test_a_client_that_is_not_heard_is_given_up(client: Client) -> None:
    events = list(client.events())  # until the server closes
    assert events
    assert all(isinstance(event, Ping) for event in events)


def test_a_ping_is_answered_with_its_own_words(client: Client) -> None:
    client.send(Ping(b"hello"))
    pong = next(event for event in client.events() if isinstance(event, Pong))
    assert bytes(pong.payload) == b"hello"


def test_a_message_in_parts_is_one_message(client: Client) -> None:
    client.send(Message(b"a", message_finished=False))
    client.send(Ping())  # may come in between
    client.send(Message(b"b"))
    assert whole(client.events()) == "ab" * 20_000
    assert client.asked == [b"ab"]


def test_a_client_that_does_not_read_is_not_read_either(client: Client) -> None:
    def ask() -> None:
        for number in range(100):
            client.send(Message(f"{number % 10}"))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    time.sleep(0.5)
    assert len(client.asked) < 20  # a few answers fill the buffers
    events = client.events()
    assert [whole(events)[0] for _ in range(100)] == [f"{number % 10}" for number in range(100)]
    asking.join(30)


@pytest.mark.parametrize(("code", "answered"), [(1000, 1000), (3001, 3001)])
def test_a_close_is_answered(client: Client, code: int, answered: int) -> None:
    client.send(CloseConnection(code))
    close = next(event for event in client.events() if isinstance(event, CloseConnection))
    assert close.code == answered
    assert client.ended()


def test_bytes_that_are_no_frame_close_the_stream(client: Client) -> None:
    client.sock.sendall(b"\x81\x01a")  # not masked
    close = next(event for event in client.events() if isinstance(event, CloseConnection))
    assert close.code == 1002
    assert client.ended()


def test_a_client_that_vanishes_ends_the_conversation(client: Client) -> None:
    assert client.ended()


def test_the_end_of_the_process_closes_with_1001(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    gone: Any = threading.Event()
    gone.set()
    monkeypatch.setattr(websocket, "GOING_AWAY", gone)
    close = next(event for event in client.events() if isinstance(event, CloseConnection))
    assert close.code == 1001
