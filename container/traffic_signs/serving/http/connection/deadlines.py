"""Deadlines of connections: clients that are silent, slow or do not read are refused or disconnected."""

import socket
import struct

from traffic_signs.serving.http.connection.state import Connection

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def enforce(connection: Connection, now: float) -> None:
    """Refuse or close a connection that takes too long; called every second.

    Args:
        connection: an open connection.
        now: the time of the event loop's clock, in seconds.
    """
    limits, waited, rate = connection.limits, now - connection.phase_started, 1024 * connection.limits.kb_per_second
    body_seconds = min(limits.body_seconds, limits.answer_timeout_seconds)
    patience = {"silent": limits.head_seconds, "drain": body_seconds, "": limits.keep_alive_seconds}
    transport, phase = connection.transport, connection.phase
    if connection.flow.write_paused or transport.is_closing():
        unsent = transport.get_write_buffer_size()
        since, most = connection.unsent_since = connection.unsent_since or (now, unsent)
        if now - since > limits.answer_seconds:  # earlier progress does not count: it may only have filled the kernel
            connection.unsent_since = (now, unsent)
            if most - unsent < rate * limits.answer_seconds:
                # with a reset, else the kernel keeps the unsent bytes for minutes
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                transport.abort()
    elif connection.flow.read_paused:
        connection.phase_started = now  # the client waits for the server
    elif phase in patience and waited > patience[phase] and (phase or connection in connection.idle_connections):
        transport.close()
    elif phase == "head" and waited > limits.head_seconds:
        connection.refuse(408, "the rest of the request head did not arrive in time")
    elif phase == "body" and waited > body_seconds + connection.received_bytes / rate:
        connection.refuse(408, "the rest of the body did not arrive in time")
