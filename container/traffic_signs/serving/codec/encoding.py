"""Encoder of responses: probabilities -> a body with N predictions for N images, in the same order.

    application/json       {"predictions": [{"class_id", "name", "probability", "probabilities"}, ...]}
    application/jsonlines  such a prediction on each line
    text/csv               the probabilities of an image on each line
    application/x-npy      the probabilities float32 [N, C]

With `top_k`, a prediction in JSON has the list "top_k" of {"class_id", "name", "probability"}, best first.
With `pixels`, it has "pixels": 32 rows of 32 gray values, which are also an instance of a JSON request.
The lines of a large response may be encoded part by part.
"""

import io
from typing import Any

import numpy as np
import orjson
from sagemaker_inference import content_types

from traffic_signs.serving.codec.media_types import JSON_LINES
from traffic_signs.serving.codec.negotiation import ResponseFormat

_MAX_ROWS = 1_000
"""Most rows of JSON to write at a time: nothing else runs in the process meanwhile, not even /ping."""


def encode(
    probabilities: np.ndarray,
    labels: tuple[str, ...],
    response_format: ResponseFormat,
    pixels: np.ndarray | None = None,
) -> bytes:
    """Encode probabilities in the negotiated format.

    Args:
        probabilities: float32 [N, C].
        labels: C class names.
        response_format: the negotiated format.
        pixels: uint8 [N, 32, 32, 1], what the network got; None where that is not known, and answers leave it out.
    """
    shown = pixels[..., 0] if pixels is not None and response_format.pixels else None
    if response_format.content_type == content_types.NPY:
        stream = io.BytesIO()
        np.save(stream, probabilities, allow_pickle=False)
        return stream.getvalue()
    if response_format.content_type == content_types.CSV:
        return b"".join(_dumps(row)[1:-1] + b"\n" for row in probabilities)
    if response_format.content_type == JSON_LINES:
        return b"".join(
            _dumps(prediction) + b"\n" for prediction in _predictions(probabilities, labels, response_format, shown)
        )
    if len(probabilities) <= _MAX_ROWS:
        return _dumps({"predictions": _predictions(probabilities, labels, response_format, shown)})
    parts = (slice(start, start + _MAX_ROWS) for start in range(0, len(probabilities), _MAX_ROWS))
    return b'{"predictions":[%b]}' % b",".join(
        _dumps(_predictions(probabilities[part], labels, response_format, None if shown is None else shown[part]))[1:-1]
        for part in parts
    )


def encode_one(
    probabilities: np.ndarray, labels: tuple[str, ...], response_format: ResponseFormat, pixels: np.ndarray
) -> bytes:
    """Encode the prediction of one image, float32 [1, C] of uint8 [1, 32, 32, 1], as a JSON object."""
    shown = pixels[..., 0] if response_format.pixels else None
    return _dumps(_predictions(probabilities, labels, response_format, shown)[0])


def _predictions(
    probabilities: np.ndarray, labels: tuple[str, ...], response_format: ResponseFormat, shown: np.ndarray | None
) -> list[dict[str, Any]]:
    predictions = []
    for index, (label, row) in enumerate(zip(probabilities.argmax(1).tolist(), probabilities, strict=True)):
        prediction = {"class_id": label, "name": labels[label], "probability": row[label]}
        if response_format.top_k is not None:
            # stable, so that the first of equal classes is the best, as in argmax
            order = np.argsort(-row, kind="stable")[: response_format.top_k].tolist()
            prediction["top_k"] = [
                {"class_id": other, "name": labels[other], "probability": row[other]} for other in order
            ]
        if response_format.probabilities:
            prediction["probabilities"] = row
        if shown is not None:
            prediction["pixels"] = np.ascontiguousarray(shown[index])  # orjson writes no others
        predictions.append(prediction)
    return predictions


def _dumps(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
