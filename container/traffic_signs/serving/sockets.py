"""What is asked of a client's socket without waiting for the client."""

import fcntl
import select
import socket
import struct
import termios
import time


def set_patience(sock: socket.socket, seconds: float) -> None:
    """Let the kernel end a read or a write after *seconds* of silence, because gunicorn makes the socket block."""
    patience = struct.pack("ll", int(seconds), 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, patience)


def is_gone(sock: socket.socket) -> bool:
    """Say whether the client has closed the connection, or its own half of it, which looks the same from here."""
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


def is_empty(sock: socket.socket) -> bool:
    """Say whether nothing that the client has sent is left to read; its end counts as nothing."""
    try:
        return not sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError:
        return True


def drain(sock: socket.socket, deadline: float) -> None:
    """Read what nobody wants, until the client closes or *deadline*, by the monotonic clock, or raise OSError."""
    while (seconds := deadline - time.monotonic()) > 0:
        sock.settimeout(seconds)
        if not sock.recv(1 << 20):
            return
