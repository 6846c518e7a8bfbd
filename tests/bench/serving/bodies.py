"""The requests: the same images as JSON, npy and PNG, and 64 of them as npy; and what is to be answered.

Two more, of a thousand images, are for this server alone: a streamed answer, and lines as a batch transform job
sends them.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

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
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
OURS: Mapping[str, tuple[str, int, Mapping[str, str]]] = MappingProxyType(
    {
        "stream1000": ("application/x-npy", 1000, {"Accept": "application/jsonlines", _ATTRIBUTES: "stream=true"}),
        "csv1000": ("text/csv", 1000, {"Accept": "text/csv"}),
    }
)
"""Kinds for this server alone -> Content-Type, number of images, further headers."""


@dataclass(frozen=True)
class Body:
    """A request of a kind."""

    kind: str
    content_type: str
    pixels: np.ndarray
    """uint8 [N, 32, 32, 1]."""
    headers: Mapping[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        """Return it as it is sent."""
        stream = io.BytesIO()
        if self.content_type == "text/csv":
            return b"".join(orjson.dumps(image.ravel().tolist())[1:-1] + b"\n" for image in self.pixels)
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
        headers = {"Content-Type": self.content_type, **self.headers}
        answer = requests.post(url, data=self.encoded(), headers=headers, timeout=120)
        if answer.status_code != requests.codes.ok:
            return f"{answer.status_code} {answer.text[:200]}"
        predictions = self._predictions(answer.content)
        found = np.array([prediction["probabilities"] for prediction in predictions])
        if found.shape != expected.shape or not np.abs(found - expected).max() < _TOLERANCE:
            raise ValueError(f"{url} answers {self.kind} with other probabilities than the network has")
        for row, prediction in zip(expected, predictions, strict=True):
            if abs(row[prediction["class_id"]] - prediction["probability"]) >= _TOLERANCE:
                raise ValueError(f"{url} answers {self.kind} with a class_id that does not fit its probability")
        return None

    def _predictions(self, answer: bytes) -> list[dict[str, Any]]:
        accept = self.headers.get("Accept")
        if accept == "application/jsonlines":
            return [orjson.loads(line) for line in answer.splitlines()]
        if accept == "text/csv":
            rows = [orjson.loads(b"[" + line + b"]") for line in answer.splitlines()]
            return [{"probabilities": row, "probability": max(row), "class_id": int(np.argmax(row))} for row in rows]
        predictions: list[dict[str, Any]] = orjson.loads(answer)["predictions"]
        return predictions


def make(images: np.ndarray) -> dict[str, Body]:
    """Make a request of each kind of the first of the images uint8 [N, 32, 32, 1], N >= 64, over again where needed."""
    made = {kind: Body(kind, content_type, images[:number]) for kind, (content_type, number) in KINDS.items()}
    for kind, (content_type, number, headers) in OURS.items():
        made[kind] = Body(kind, content_type, np.resize(images, (number, *images.shape[1:])), headers)
    return made


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
