"""Decoder of requests: body and Content-Type -> uint8 [N, 32, 32, 1], N images in the order of the body.

    application/json       {"instances": [...]} or the bare array; each instance 32 x 32 values or {"b64": image}
    application/jsonlines  an instance on each line
    text/csv               an image on each line, 1024 values
    application/x-npy      values as one NumPy array
    application/x-npz      the same in a zip archive
    image/*                one encoded image of any size
    multipart/form-data    encoded images, one in each file

All values follow `preprocessing.as_pixels`, all encoded images `preprocessing.decode`. `media_types` has further names
of these types, and what becomes of a body without one.
"""

from collections.abc import Callable, Mapping

import numpy as np
from sagemaker_inference import content_types

from traffic_signs.errors import RequestError
from traffic_signs.images import preprocessing
from traffic_signs.images.decode_budget import Budget
from traffic_signs.serving.codec import media_types, multipart, npy
from traffic_signs.serving.codec.text import csv_lines, json_text, utf8

_DEFAULT_LIMIT_BYTES = 25 * 1024 * 1024

_TEXT_DECODERS: dict[str, Callable[[bytes, Budget], np.ndarray]] = {
    content_types.JSON: json_text.from_json,
    media_types.JSON_LINES: json_text.from_json_lines,
    content_types.CSV: csv_lines.from_csv,
}
_SUPPORTED = frozenset(media_types.SUPPORTED)


def decode(
    body: bytes, content_type: str, parameters: Mapping[str, str], limit: int, budget_factor: float | None = None
) -> np.ndarray:
    """Decode a request.

    Args:
        body: decompressed.
        content_type: in lower case, without parameters.
        parameters: of the content type; only the boundary of a form is used.
        limit: most bytes of a body, and of an array once unpacked; the budget of encoded images grows with it.
        budget_factor: how many times the usual budget encoded images may take; None: by *limit*.

    Returns:
        uint8 [N, 32, 32, 1], N >= 1.

    Raises:
        UnsupportedMediaError: the content type is not supported.
        RequestError: the body is empty or does not match its content type.
        ImageError: the model cannot take an image or the pixels.
        TooLargeError: an array has more than *limit* bytes.
    """
    if content_type not in _SUPPORTED and not content_type.startswith(media_types.IMAGE):
        content_type = media_types.resolve(content_type, body)
    reader = _TEXT_DECODERS.get(content_type)
    if reader is not None and body.startswith(utf8.MARKS):
        body = utf8.normalize(body)
    if not body:
        raise RequestError("the body is empty")
    if content_type == content_types.NPY:
        return preprocessing.as_pixels(npy.read_npy(body))
    budget = Budget(budget_factor or max(1, limit // _DEFAULT_LIMIT_BYTES))
    if reader is not None:
        return reader(body, budget)
    if content_type == content_types.NPZ:
        return preprocessing.as_pixels(npy.read_npz(body, limit))
    if content_type == media_types.FORM:
        return preprocessing.decode_all(multipart.read(body, parameters.get("boundary", ""), budget.max_files), budget)
    return preprocessing.decode(body, budget)[np.newaxis]
