"""What is asked of a client's socket without waiting for the client."""

import fcntl
import select
import socket
import struct
import termios
import time

_DRAIN_SECONDS = 5


def set_patience(sock: socket.socket, seconds: float) -> None:
    """Let the kernel end a read or a write after *seconds* of silence, because gunicorn makes the socket block."""
    patience = struct.pack("ll", int(seconds), 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)


def is_gone(sock: socket.socket) -> bool:
    """Say whether the client has closed the connection."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return bool(poll.poll(0))


def has_read_all(sock: socket.socket) -> bool:
    """Say whether the client has everything that was sent to it, so that a small answer does not wait for it."""
    return fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0\0\0\0") == b"\0\0\0\0"


def first_readable(first: int, second: int, milliseconds: int) -> int | None:
    """Wait for either descriptor; return *second* if both can be read."""
    poll = select.poll()
    poll.register(first, select.POLLIN)
    poll.register(second, select.POLLIN)
    readable = [descriptor for descriptor, _ in poll.poll(milliseconds)]
    return None if not readable else second if second in readable else first


def drain(sock: socket.socket) -> None:
    """Read on until the client has seen the answer and closes: it may send all of a request first."""
    deadline = time.monotonic() + _DRAIN_SECONDS
    try:
        sock.settimeout(_DRAIN_SECONDS)
        sock.shutdown(socket.SHUT_WR)
        while time.monotonic() < deadline and sock.recv(1 << 20):
            pass
    except OSError:
        pass
