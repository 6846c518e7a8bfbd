"""HTTP bodies <-> arrays.

decode: body + Content-Type -> uint8 [N, 32, 32, 1]
    application/json       {"instances": [...]}, each instance 32 x 32 gray values
    application/x-npy      gray values as one NumPy array
    image/*                one encoded image of any size
encode: float32 [N, C] -> application/json
    {"predictions": [{"class_id", "name", "probability", "probabilities"}, ...]}
"""

import io
import math

import numpy as np
import orjson
from numpy.lib import format as npy
from sagemaker_inference import content_types

from traffic_signs import images
from traffic_signs.errors import RequestError, UnsupportedMediaError

IMAGE = "image/"
_READERS = f"{content_types.JSON}, {content_types.NPY}, image/png, image/jpeg or another image type"


def decode(body: bytes, content_type: str) -> np.ndarray:
    """Decode a request.

    Args:
        body: as the client sent it.
        content_type: lower case, without parameters.

    Returns:
        uint8 [N, 32, 32, 1], N >= 1.

    Raises:
        UnsupportedMediaError: a content type that is not read here.
        RequestError: a body that is empty or not what its content type says.
        ImageError: an image or pixels that the model cannot take.
    """
    if content_type not in (content_types.JSON, content_types.NPY) and not content_type.startswith(IMAGE):
        raise UnsupportedMediaError(f"Content-Type {content_type or '(none)'} is not read; send {_READERS}")
    if not body:
        raise RequestError("the body is empty")
    if content_type == content_types.JSON:
        return images.as_pixels(_from_json(body))
    if content_type == content_types.NPY:
        return images.as_pixels(_from_npy(body))
    return images.decode(body)[np.newaxis]


def encode(probabilities: np.ndarray, labels: tuple[str, ...]) -> bytes:
    """Encode probabilities float32 [N, C] as JSON, a prediction an image, in the same order."""
    best = probabilities.argmax(1).tolist()
    return orjson.dumps(
        {
            "predictions": [
                {"class_id": label, "name": labels[label], "probability": row[label], "probabilities": row}
                for label, row in zip(best, probabilities, strict=True)
            ]
        },
        option=orjson.OPT_SERIALIZE_NUMPY,
    )


def _from_json(body: bytes) -> np.ndarray:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise RequestError(f"the body is not JSON: {error}") from error
    if not isinstance(content, dict) or "instances" not in content:
        raise RequestError('expected a JSON object with the key "instances"')
    try:
        return np.asarray(content["instances"])
    except ValueError as error:
        raise RequestError("the instances are not all of the same shape") from error


def _from_npy(body: bytes) -> np.ndarray:
    """Read a .npy file without trusting its header: no pickles, and no size that is not there.

    `numpy.load` allocates what the header asks for before it looks at the data.
    """
    stream = io.BytesIO(body)
    try:
        version = npy.read_magic(stream)
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran_order, dtype = reader(stream)
    except ValueError as error:
        raise RequestError(f"the body is not a .npy file: {error}") from error
    if dtype.hasobject:
        raise RequestError("the array holds Python objects (a pickle), which are never loaded; send uint8")
    data = memoryview(body)[stream.tell() :]
    if math.prod(shape) * dtype.itemsize != len(data) or min(shape, default=1) < 0:
        raise RequestError(f"the header says {list(shape)} of {dtype}, but {len(data)} bytes follow")
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran_order else "C")
