"""How far a request has come, by its first bytes; HTTP itself is parsed by gunicorn, later."""

import re

MOST = 128 * 1024
"""Bytes of a body up to which all of it has to be here before it takes a thread's time; as many are read at once."""
READ_AHEAD = 64 * 1024
"""Bytes of a larger body, or of one without a length, that have to be here."""
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r", re.IGNORECASE)
_SIZE = re.compile(rb"([0-9a-f]{1,8})(?:;[^\r\n]*)?\r\n", re.IGNORECASE)
_MOST_CHUNKS = 100
"""That are looked at; of smaller ones, whoever answers waits for the rest."""
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r", re.IGNORECASE)
_ENDS = re.compile(rb" HTTP/1\.0\r\n|\r\n(?:transfer-encoding:|connection:[^\r\n]*\bclose\b)", re.IGNORECASE)
"""The answer is the connection's last, or a body's end is for a parser to find."""


def is_ready(data: bytes) -> bool:
    """Say whether who answers the request that *data* starts with need not wait for its client."""
    end = data.find(b"\r\n\r\n", 2)
    if end < 0:
        return len(data) >= READ_AHEAD  # a head of that size is refused by gunicorn
    come = len(data) - end - 4
    if length := _LENGTH.search(data, 0, end + 1):
        return come >= (int(length[1]) if int(length[1]) <= MOST else READ_AHEAD)
    if _CHUNKED.search(data, 0, end + 1):
        return come >= READ_AHEAD or _have_come(data, end + 4)
    return True  # it has no body, or gunicorn refuses it


def _have_come(data: bytes, place: int) -> bool:
    """Say whether the chunks from *place* on are all there, or are none and will be refused."""
    for _ in range(_MOST_CHUNKS):
        size = _SIZE.match(data, place)
        if not size:
            return b"\r\n" in data[place:]
        end = size.end() + int(size[1], 16)
        if end == size.end() or data[end : end + 2] not in (b"", b"\r", b"\r\n"):
            return True
        if len(data) < end + 2:
            return False
        place = end + 2
    return True


def is_held_back(data: bytes) -> bool:
    """Say whether *data* is a head whose client waits for "100 Continue" before it sends the body."""
    return data.endswith(b"\r\n\r\n") and b" HTTP/1.1\r\n" in data and bool(_EXPECTS.search(data))


def is_alone(data: bytes) -> bool:
    """Say whether *data* is one whole request, so that what comes next on its connection is another one."""
    end = data.find(b"\r\n\r\n", 2)
    lengths = _LENGTH.findall(data, 0, end + 1) if end > 0 else []
    return len(lengths) == 1 and len(data) == end + 4 + int(lengths[0]) and not _ENDS.search(data, 0, end)
