"""Parts of an answer -> a chunked response that is sent while the later parts are still computed.

    first part -> status and headers -> part, part, ... -> final chunk

An error before the first part is answered as any other. One after it can only be shown by an end
without the final chunk: gunicorn closes the connection and logs the error, and the client's
library complains. A client that goes away makes the next writing fail, and no further part is asked for.
"""

import threading
from collections.abc import Iterator
from itertools import chain

from flask import Response

_MOST = 4
"""Streams of a process at a time, half of its threads at most: one whose client reads slowly keeps its thread. A
further answer is computed first and sent whole, which is what everybody gets who does not ask for a stream."""
_streams = threading.Semaphore(_MOST)


def respond(parts: Iterator[bytes], content_type: str) -> Response:
    """Answer with *parts*, at least one, none of them empty; the first is computed before this returns."""
    if not _streams.acquire(blocking=False):
        return Response(b"".join(parts), content_type=content_type)
    try:
        response = Response(chain((next(parts),), parts), content_type=content_type)
    except BaseException:
        _streams.release()
        raise
    response.call_on_close(_streams.release)
    return response
