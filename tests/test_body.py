"""What is noted of a body while it is read."""

import io
import time

import pytest
from werkzeug.exceptions import RequestTimeout

from traffic_signs.serving import body, record

SECONDS = 0.05


class Silent(io.BytesIO):
    """The stream of a client that sends nothing, until the kernel gives up on it."""

    def read(self, _size: int | None = -1) -> bytes:
        time.sleep(SECONDS)
        raise BlockingIOError


def test_the_wait_for_a_body_that_does_not_come_counts_as_reading() -> None:
    this = record.begin()
    with pytest.raises(RequestTimeout):
        body.read({"CONTENT_LENGTH": "10", "wsgi.input": Silent()}, 100)
    assert this.seconds["read"] >= SECONDS
