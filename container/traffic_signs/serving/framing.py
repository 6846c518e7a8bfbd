"""How far a request has come, by its first bytes; HTTP itself is parsed by gunicorn, later."""

import re

MOST = 128 * 1024
"""Bytes of a body up to which all of it has to be here before it takes a thread's time; as many are read at once."""
READ_AHEAD = 64 * 1024
"""Bytes of a request with a larger body that have to be here."""
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r", re.IGNORECASE)
_NO_LENGTH = re.compile(rb"\r\n(?:transfer-encoding|expect):", re.IGNORECASE)
"""A body whose end only a parser finds, or that the client holds back until it is asked for it."""


def is_ready(data: bytes) -> bool:
    """Say whether who answers the request that *data* starts with need not wait for its client."""
    end = data.find(b"\r\n\r\n", 2)
    if end < 0:
        return len(data) >= READ_AHEAD  # a head of that size is refused by gunicorn
    length = _LENGTH.search(data, 0, end + 1)
    if not length or len(data) >= end + 4 + int(length[1]):
        return True
    if int(length[1]) > MOST and len(data) >= READ_AHEAD:
        return True
    return bool(_NO_LENGTH.search(data, 0, end))


def is_alone(data: bytes) -> bool:
    """Say whether *data* is one whole request, so that what comes next on its connection is another one."""
    end = data.find(b"\r\n\r\n", 2)
    lengths = _LENGTH.findall(data, 0, end + 1) if end > 0 else []
    return len(lengths) == 1 and len(data) == end + 4 + int(lengths[0]) and not _NO_LENGTH.search(data, 0, end)
