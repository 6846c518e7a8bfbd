"""Deadlines of connections: who is silent, slow or does not read is refused or ended."""

import socket
import struct

from traffic_signs.serving.http.connection.state import Connection

_AT_ONCE = struct.pack("ii", 1, 0)


def enforce(connection: Connection, now: float) -> None:
    """Refuse or end what takes too long; called each second.

    Args:
        connection: an open one.
        now: by the clock of the event loop.
    """
    limits, waited, rate = connection.limits, now - connection.phase_started, 1024 * connection.limits.kb_per_second
    body_seconds = min(limits.body_seconds, limits.patience_seconds)
    patience = {"silent": limits.head_seconds, "drain": body_seconds, "": limits.keep_alive_seconds}
    transport, phase = connection.transport, connection.phase
    if connection.flow.write_paused or transport.is_closing():
        unsent = transport.get_write_buffer_size()
        since, most = connection.unsent_since = connection.unsent_since or (now, unsent)
        if now - since > limits.answer_seconds:  # what has gone before counts no more: the kernel may have taken it
            connection.unsent_since = (now, unsent)
            if most - unsent < rate * limits.answer_seconds:
                # with a reset, or the kernel would keep what is unsent for minutes
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                transport.abort()
    elif connection.flow.read_paused:
        connection.phase_started = now  # it is the client who waits
    elif phase in patience and waited > patience[phase] and (phase or connection in connection.idle_connections):
        transport.close()
    elif phase == "head" and waited > limits.head_seconds:
        connection.refuse(408, "the rest of the head did not come in time")
    elif phase == "body" and waited > body_seconds + connection.received_bytes / rate:
        connection.refuse(408, "the rest of the body did not come in time")
