"""The benchmark's client against a server that leaves requests unanswered, and pings between messages."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress

from tests.bench.serving.client.closed_loop import Load
from tests.bench.serving.client.connection import masked

REQUEST = b"POST /invocations HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


@contextmanager
def server(converse: Callable[[socket.socket], None]) -> Iterator[int]:
    """Give the port of a server that converses on a connection at a time."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError):  # the client has ended
                converse(connection)

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_a_request_without_an_answer_is_lost_and_the_next_ones_are_sent() -> None:
    def converse(connection: socket.socket) -> None:
        for status in (b"200 OK", b"200 OK", b"503 Busy"):
            connection.recv(1024)
            connection.sendall(b"HTTP/1.1 %s\r\nContent-Length: 4\r\n\r\n" % status)
            connection.sendall(b"true")
        connection.recv(1024)  # and closes

    with server(converse) as port, closing(Load(port, REQUEST, None, 1)) as load:
        load.run(0, 8)
    assert load.lost == 2
    assert load.statuses == {200: 4, 503: 2}
    assert load.answers == {b"true": 4}
    assert len(load.seconds) == 4


def test_a_request_after_connection_close_is_sent_on_a_new_connection() -> None:
    def converse(connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}")

    with server(converse) as port, closing(Load(port, REQUEST, None, 1)) as load:
        load.run(0, 3)
    assert (load.lost, load.statuses) == (0, {200: 3})


def test_messages_of_a_websocket_are_answered_in_turn_and_pings_with_pongs() -> None:
    received = []

    def converse(connection: socket.socket) -> None:
        connection.recv(1024)
        connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        for number in (b"1", b"2"):
            received.append(connection.recv(1024))
            connection.sendall(b"\x89\x02hi")
            received.append(connection.recv(1024))
            connection.sendall(b"\x81\x7e\x01\x00" + 256 * number)

    message = masked(b"a frame")
    with server(converse) as port, closing(Load(port, message, b"GET / HTTP/1.1\r\n\r\n", 1)) as load:
        load.run(0, 2)
    assert received == [message, b"\x8a\x82\x00\x00\x00\x00hi"] * 2
    assert load.answers == {256 * b"1": 1, 256 * b"2": 1}


def test_a_message_is_masked() -> None:
    for size, length in ((5, b"\x85"), (300, b"\xfe\x01\x2c"), (70_000, b"\xff" + (70_000).to_bytes(8, "big"))):
        frame = masked(size * b"x")
        assert frame.startswith(b"\x82" + length)
        mask, payload = frame[1 + len(length) :][:4], frame[5 + len(length) :]
        assert bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload)) == size * b"x"
