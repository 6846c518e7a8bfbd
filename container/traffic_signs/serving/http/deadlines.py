"""Deadlines of connections: who is silent, slow or does not read is refused or ended."""

from traffic_signs.serving.http.protocol import Protocol


def enforce(connection: Protocol, now: float) -> None:
    """Refuse or end what takes too long; called each second.

    Args:
        connection: an open one.
        now: by the clock of the event loop.
    """
    limits, waited, rate = connection.limits, now - connection.since, 1024 * connection.limits.kb_per_second
    body_seconds = min(limits.body_seconds, limits.patience_seconds)
    transport, phase = connection.transport, connection.phase
    if connection.flow.write_paused or transport.is_closing():
        unsent = transport.get_write_buffer_size()
        since, most = connection.blocked = connection.blocked or (now, unsent)
        if now - since > limits.answer_seconds + (most - unsent) / rate:
            transport.abort()
    elif connection.flow.read_paused:
        connection.since = now  # it is the client who waits
    elif (phase == "silent" and waited > limits.head_seconds) or (phase == "drain" and waited > body_seconds):
        transport.close()
    elif phase == "head" and waited > limits.head_seconds:
        connection.refuse(408, "the rest of the head did not come in time")
    elif phase == "body" and waited > body_seconds + connection.received / rate:
        connection.refuse(408, "the rest of the body did not come in time")
