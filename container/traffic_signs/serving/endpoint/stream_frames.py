"""Handler of WebSocket messages: one image in each -> its prediction as JSON.

    binary   an encoded image of any size, or a .npy file
    text     an instance in JSON: 32 x 32 values or {"b64": "<image file>"}

A message that cannot be answered gets {"error": "..."}, and the stream continues.
"""

import logging
from collections.abc import Mapping

import numpy as np
import orjson

from traffic_signs.errors import RequestError
from traffic_signs.fair_lock import FairLock
from traffic_signs.images import preprocessing
from traffic_signs.images.decode_budget import Budget
from traffic_signs.serving.codec import encoding, negotiation, npy
from traffic_signs.serving.codec.text import json_text
from traffic_signs.serving.engine.predictor import Predictor

_log = logging.getLogger(__name__)
_NPY_MAGIC = b"\x93NUMPY"
_decoding_lock = FairLock()
"""Decodes one frame at a time in a process, because all streams together may require a gigabyte of pixels."""


class FrameHandler:
    """Answers the messages of one stream."""

    def __init__(self, predictor: Predictor, options: Mapping[str, str]) -> None:
        """Take the model and the options of the stream.

        Args:
            predictor: the model.
            options: from the query string, named like custom attributes: `top_k=3&probabilities=false`. The platform
                passes on a query string, but not the header of custom attributes.

        Raises:
            RequestError: an option is invalid.
        """
        self._predictor = predictor
        self._labels = predictor.artifact.labels
        attributes = ",".join("=".join(option) for option in options.items())
        self._response_format = negotiation.negotiate("", attributes, len(self._labels))

    def answer(self, message: bytes | str) -> str:
        """Answer *message*; blocks."""
        try:
            with _decoding_lock:
                pixels = decode(message)
            return self.write(self._predictor.predict(pixels), pixels)
        except Exception as error:  # noqa: BLE001 - the stream continues after every error
            return error_message(error)

    def write(self, rows: np.ndarray, pixels: np.ndarray) -> str:
        """Encode the probabilities *rows*, float32 [1, C], of *pixels*, uint8 [1, 32, 32, 1]."""
        return encoding.encode_one(rows, self._labels, self._response_format, pixels).decode()


def error_message(error: Exception) -> str:
    """Return the message for *error*, and log an error that is not the client's."""
    text = str(error)
    if not isinstance(error, RequestError):
        _log.error("failed to answer a message", exc_info=error)
        text = "internal error; the log of the container has the details"
    return orjson.dumps({"error": text}).decode()


def decode(message: bytes | str, budget: Budget | None = None) -> np.ndarray:
    """Decode a message; *budget* bounds the decoding of its image.

    Returns:
        uint8 [1, 32, 32, 1].

    Raises:
        RequestError: the message does not hold exactly one image.
    """
    if isinstance(message, str):
        text = message.removeprefix("\ufeff").encode()
        pixels = json_text.from_json(b"[" + text + b"]", budget or Budget(), lambda _: "$")
    elif message.startswith(_NPY_MAGIC):
        pixels = preprocessing.as_pixels(npy.read_npy(message))
    else:
        pixels = preprocessing.decode(message, budget)[np.newaxis]
    if len(pixels) != 1:
        raise RequestError(f"a message holds {len(pixels)} images; send one")
    return pixels
