"""A message of a WebSocket -> the prediction of the one image in it, as JSON.

    binary   an encoded image of any size, or a .npy file
    text     an instance of JSON: 32 x 32 values or {"b64": "<image file>"}

A message that cannot be answered gets {"error": "..."}, and the next one is answered again.
"""

import logging
from collections.abc import Callable, Mapping

import numpy as np
import orjson

from traffic_signs import images
from traffic_signs.budget import Budget
from traffic_signs.errors import RequestError
from traffic_signs.serving import encoding, negotiation, npy, records
from traffic_signs.serving.predictor import Predictor
from traffic_signs.turns import FairLock

_log = logging.getLogger(__name__)
_NPY = b"\x93NUMPY"
_decoding = FairLock()
"""One frame at a time in a process: all streams together may be asked for a gigabyte of pixels."""


def answerer(predictor: Predictor, options: Mapping[str, str]) -> Callable[[bytes | str], str]:
    """Return what answers the messages of a stream.

    Args:
        predictor: the model.
        options: of the query string, as in custom attributes: `top_k=3&probabilities=false`. The platform
            passes a query string on, but no such header.

    Raises:
        RequestError: an option that cannot be used.
    """
    labels = predictor.artifact.labels
    attributes = ",".join("=".join(option) for option in options.items())
    form = negotiation.negotiate("", attributes, len(labels))

    def answer(message: bytes | str) -> str:
        try:
            with _decoding:
                pixels = decode(message)
            return encoding.encode_one(predictor.predict(pixels), labels, form).decode()
        except RequestError as error:
            text = str(error)
        except Exception:  # noqa: BLE001 - the stream goes on, whatever it is
            _log.exception("failed to answer")
            text = "internal error; the log of the container has the details"
        return orjson.dumps({"error": text}).decode()

    return answer


def decode(message: bytes | str) -> np.ndarray:
    """Decode a message.

    Returns:
        uint8 [1, 32, 32, 1].

    Raises:
        RequestError: not one image.
    """
    if isinstance(message, str):
        pixels = records.from_json(b"[" + message.encode() + b"]", Budget())
    elif message.startswith(_NPY):
        pixels = images.as_pixels(npy.read_npy(message))
    else:
        pixels = images.decode(message)[np.newaxis]
    if len(pixels) != 1:
        raise RequestError(f"a message holds {len(pixels)} images; send one")
    return pixels
