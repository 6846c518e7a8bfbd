"""The requests: the same images as JSON, npy and PNG, and 64 of them as npy; and what is to be answered."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import orjson
import requests
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

_TOLERANCE = 1e-4
KINDS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {
        "json": ("application/json", 1),
        "npy": ("application/x-npy", 1),
        "png": ("image/png", 1),
        "npy64": ("application/x-npy", 64),
    }
)
"""Name of a kind -> Content-Type, number of images."""


@dataclass(frozen=True)
class Body:
    """A request of a kind."""

    kind: str
    content_type: str
    pixels: np.ndarray
    """uint8 [N, 32, 32, 1]."""

    def encoded(self) -> bytes:
        """Return it as it is sent."""
        stream = io.BytesIO()
        if self.content_type == "application/json":
            return orjson.dumps({"instances": self.pixels[..., 0].tolist()})
        if self.content_type == "image/png":
            Image.fromarray(self.pixels[0, ..., 0]).save(stream, "PNG")
        else:
            np.save(stream, self.pixels)
        return stream.getvalue()

    def refused(self, url: str, expected: np.ndarray) -> str | None:
        """Send it; None if the answer is *expected*, else why the server does not take this kind.

        Raises:
            ValueError: it answers, and wrongly, so that its speed says nothing.
        """
        answer = requests.post(url, data=self.encoded(), headers={"Content-Type": self.content_type}, timeout=120)
        if answer.status_code != requests.codes.ok:
            return f"{answer.status_code} {answer.text[:200]}"
        predictions = orjson.loads(answer.content)["predictions"]
        found = np.array([prediction["probabilities"] for prediction in predictions])
        if found.shape != expected.shape or not np.abs(found - expected).max() < _TOLERANCE:
            raise ValueError(f"{url} answers {self.kind} with other probabilities than the network has")
        for row, prediction in zip(expected, predictions, strict=True):
            if abs(row[prediction["class_id"]] - prediction["probability"]) >= _TOLERANCE:
                raise ValueError(f"{url} answers {self.kind} with a class_id that does not fit its probability")
        return None


def make(images: np.ndarray) -> dict[str, Body]:
    """Make a request of each kind of the first of the images uint8 [N, 32, 32, 1], N >= 64."""
    return {kind: Body(kind, content_type, images[:number]) for kind, (content_type, number) in KINDS.items()}


def answers(model: Path, pixels: np.ndarray) -> np.ndarray:
    """Return the probabilities float32 [N, C] that the network in the folder *model* has for uint8 [N, 32, 32, 1]."""
    interpreter = Interpreter(str(model / "model.tflite"))
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, pixels.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(index, pixels)
    interpreter.invoke()
    found: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return found
