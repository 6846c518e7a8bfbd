"""Requests of the benchmark, and the expected answers.

All servers get images as JSON, npy and PNG. Only this project's, of this and of an earlier commit, get large bodies of
up to 20 MB, WebSocket messages, a streamed answer, and CSV lines as a batch transform job sends them.
"""

import io
from collections.abc import Mapping, Sequence
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
_NPY = "application/x-npy"
_STREAM = {"Accept": "application/jsonlines", "X-Amzn-SageMaker-Custom-Attributes": "stream=true"}
WEBSOCKET = "/invocations-bidirectional-stream"


@dataclass(frozen=True)
class Kind:
    """A kind of request."""

    title: str
    content_type: str
    images: int
    headers: Mapping[str, str] = field(default_factory=dict)
    connections: tuple[int, ...] = (1, 16, 64)
    """Numbers of connections to send it on."""
    compared: bool = True
    """Sent to all servers, not only to this project's image."""
    checked: bool = False
    """Sent by `client`, which checks every answer, instead of h2load, which is faster."""
    least: int = 0
    """Minimum number of requests in a load."""
    websocket: bool = False
    """Sent as WebSocket messages."""


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "json": Kind("JSON, one image", "application/json", 1),
        "npy": Kind("npy, one image", _NPY, 1),
        "png": Kind("PNG, one image", "image/png", 1),
        "npy64": Kind("npy, 64 images", _NPY, 64),
        # 1,024 bytes an image
        "npy100k": Kind("npy, 100 kB", _NPY, 97, connections=(16,), compared=False, checked=True, least=128),
        "npy1m": Kind("npy, 1 MB", _NPY, 976, connections=(16,), compared=False, checked=True, least=64),
        "npy20m": Kind("npy, 20 MB", _NPY, 19_531, connections=(16,), compared=False, checked=True, least=16),
        "ws-npy": Kind("WebSocket, npy", _NPY, 1, connections=(1, 16), compared=False, checked=True, websocket=True),
        "ws-png": Kind(
            "WebSocket, PNG", "image/png", 1, connections=(1, 16), compared=False, checked=True, websocket=True
        ),
        "stream1000": Kind("npy, 1,000 images, answered in streamed lines", _NPY, 1000, _STREAM, compared=False),
        "csv1000": Kind(
            "CSV, 1,000 images, answered in lines", "text/csv", 1000, {"Accept": "text/csv"}, compared=False
        ),
    }
)
SINGLE = ("npy", "json", "png")
"""Kinds with one image, for the comparison of servers."""
LARGE = ("npy100k", "npy1m", "npy20m")


@dataclass(frozen=True)
class Body:
    """A request."""

    name: str
    kind: Kind
    pixels: np.ndarray
    """uint8 [N, 32, 32, 1]."""

    def encoded(self) -> bytes:
        """Return the encoded request body."""
        stream = io.BytesIO()
        if self.kind.content_type == "text/csv":
            return b"".join(orjson.dumps(image.ravel().tolist())[1:-1] + b"\n" for image in self.pixels)
        if self.kind.content_type == "application/json":
            return orjson.dumps({"instances": self.pixels[..., 0].tolist()})
        if self.kind.content_type == "image/png":
            Image.fromarray(self.pixels[0, ..., 0]).save(stream, "PNG")
        else:
            np.save(stream, self.pixels)
        return stream.getvalue()

    @property
    def headers(self) -> dict[str, str]:
        """The request's headers."""
        return {"Content-Type": self.kind.content_type, **self.kind.headers}

    def rejection(self, url: str, expected: Sequence[np.ndarray]) -> str | None:
        """Send the request; return None if the answer is correct, else why the server rejects this kind.

        Raises:
            ValueError: the answer is wrong, so the server's speed would mean nothing.
        """
        answer = requests.post(url, data=self.encoded(), headers=self.headers, timeout=120)
        if answer.status_code != requests.codes.ok:
            return f"{answer.status_code} {answer.text[:200]}"
        if not self.is_correct(answer.content, expected):
            raise ValueError(f"{url} answers {self.name} with wrong predictions")
        return None

    def is_correct(self, answer: bytes, expected: Sequence[np.ndarray]) -> bool:
        """Return whether the answer has the probabilities, float32 [N, C], of one of the networks in *expected*."""
        predictions = self._predictions(answer)
        found = np.array([prediction.get("probabilities") for prediction in predictions])
        networks = (rows for rows in expected if rows.shape == found.shape and np.abs(rows - found).max() < _TOLERANCE)
        rows = next(networks, None)
        return rows is not None and all(
            abs(row[prediction["class_id"]] - prediction["probability"]) < _TOLERANCE
            for row, prediction in zip(rows, predictions, strict=True)
        )

    def _predictions(self, answer: bytes) -> list[dict[str, Any]]:
        accept = self.headers.get("Accept")
        if accept == "application/jsonlines":
            return [orjson.loads(line) for line in answer.splitlines()]
        if accept == "text/csv":
            rows = [orjson.loads(b"[" + line + b"]") for line in answer.splitlines()]
            return [{"probabilities": row, "probability": max(row), "class_id": int(np.argmax(row))} for row in rows]
        content: dict[str, Any] = orjson.loads(answer)
        return [content] if self.kind.websocket else content["predictions"]


def make(images: np.ndarray) -> dict[str, Body]:
    """Make a request of each kind from the images uint8 [N, 32, 32, 1], which are repeated as needed."""
    return {name: Body(name, kind, np.resize(images, (kind.images, *images.shape[1:]))) for name, kind in KINDS.items()}


def expected_answers(model: Path, images: np.ndarray) -> dict[str, list[np.ndarray]]:
    """Return kind -> probabilities float32 [N, C] of each network in the folder *model*, for the requests of `make`.

    A quantised network may be beside the float network; a server uses it where the CPU is faster with it.
    """
    networks = [_probabilities(path, images) for path in sorted(model.glob("*.tflite"))]
    return {name: [np.resize(rows, (kind.images, rows.shape[1])) for rows in networks] for name, kind in KINDS.items()}


def _probabilities(network: Path, pixels: np.ndarray) -> np.ndarray:
    interpreter = Interpreter(str(network))
    index = interpreter.get_input_details()[0]["index"]
    interpreter.resize_tensor_input(index, pixels.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(index, pixels)
    interpreter.invoke()
    found: np.ndarray = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return found
