"""Lines of a body, read in chunks of a megabyte: meanwhile other threads run, and little memory is taken at a time."""

from collections.abc import Callable

import numpy as np

from traffic_signs.errors import RequestError

CHUNK_BYTES = 1024 * 1024


def read_by_chunks(body: bytes, read: Callable[[int, bytes], np.ndarray], number: int = 1) -> np.ndarray:
    """Read the lines of *body* without the blank ones at its end.

    Args:
        body: lines that end with a line feed.
        read: maps the number of its first line and some lines, the last without its end, to uint8 [N, 32, 32, 1].
        number: of the first line.

    Returns:
        The results of *read*, concatenated.

    Raises:
        RequestError: all lines are blank.
    """
    parts, start = [], 0
    end = len(body.rstrip(b" \t\r\n"))
    if not end:
        raise RequestError("no images: all lines are blank")
    while start < end:
        stop = body.find(b"\n", start + CHUNK_BYTES, end)
        stop = end if stop < 0 else stop
        chunk = body[start:stop]
        parts.append(read(number, chunk))
        number += chunk.count(b"\n") + 1
        start = stop + 1
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
