"""Defaults for the hooks that a model does not define: this server's own decoding, engine and encoding.

    model_fn(model_dir)             -> serving.engine.predictor.Predictor
    input_fn(body, content_type)    -> uint8 [N, 32, 32, 1], from every content type of `decoding`
    predict_fn(data, model)         -> model.predict(data); of a Predictor, probabilities float32 [N, C]
    output_fn(prediction, accept)   -> probabilities by `encoding`, anything else by the toolkit's encoder

Hooks can rely on these types of the model and the data.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sagemaker_inference import encoder
from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
from werkzeug.datastructures import Headers
from werkzeug.http import parse_accept_header

from traffic_signs.errors import ArtifactError, NotAcceptableError
from traffic_signs.model import artifact
from traffic_signs.serving.codec import answer_type, decoding, encoding, negotiation
from traffic_signs.serving.engine.predictor import Predictor
from traffic_signs.serving.telemetry.metrics import Metrics
from traffic_signs.settings.serving import ServingSettings


class Context:
    """The context of the current request, for the toolkit and for hooks with one more parameter.

    It has the part of multi-model-server's context that applies here.

    Attributes:
        system_properties: {"model_dir": str}.
        headers: of the request.
        content_type: of the response.
    """

    def __init__(self, model: Path) -> None:
        self.system_properties = {"model_dir": str(model)}
        self.request_processor = [self]
        self.headers = Headers()
        self.parameters: Mapping[str, str] = {}
        self.content_type = ""
        self._properties: dict[str, str] = {}

    def start_request(self, headers: Mapping[str, str], content_type: str, parameters: Mapping[str, str]) -> None:
        """Start the next request.

        Hooks get the bare *content_type*, such as `application/json` of `application/json; charset=utf-8`, and the
        preferred one of several accepted types; *headers* have both in full.
        """
        self.headers, self.parameters = Headers(headers), parameters
        accepted = parse_accept_header(headers.get("accept"))
        self._properties = {"Content-Type": content_type, "Accept": accepted.best or ""}

    def get_request_properties(self) -> dict[str, str]:
        """Return Content-Type and Accept, as `start_request` describes them."""
        return self._properties

    def get_request_header(self, _index: int, name: str) -> str | None:
        """Return a header of the request, None if the request does not have it."""
        return self.headers.get(name)

    def set_response_content_type(self, _index: int, content_type: str) -> None:
        """Set the content type of the response."""
        self.content_type = content_type


class Defaults(DefaultInferenceHandler):  # type: ignore[misc] # no types are published
    """The toolkit's handler with working defaults: its own model_fn and predict_fn only raise."""

    def __init__(self, model: Path, engine: str, settings: ServingSettings, metrics: Metrics) -> None:
        """Read the class names from the model directory; a model of another kind may have none.

        Args:
            model: the model directory.
            engine: "litert" or "tensorflow".
            settings: the payload limit, and the response format for clients that accept any.
            metrics: counts loads and batches.
        """
        self._engine, self._settings, self._metrics = engine, settings, metrics
        try:
            self._labels = artifact.read(model).labels
        except ArtifactError:  # raised again by Predictor, if that loads the model
            self._labels = ()

    def default_model_fn(self, model_dir: str) -> Predictor:
        """Load a model that a training job of this image has written."""
        return Predictor(Path(model_dir), self._engine, self._metrics, self._settings.precision)

    def default_input_fn(self, data: bytes | str, content_type: str, context: Context) -> np.ndarray:
        """Decode a body; the toolkit has decoded JSON and CSV to text."""
        body = data.encode() if isinstance(data, str) else data
        return decoding.decode(body, content_type, context.parameters, self._settings.payload_mb * 1024 * 1024)

    def default_predict_fn(self, data: Any, model: Any) -> Any:
        """Return the model's predictions."""
        return model.predict(data)

    def default_output_fn(self, prediction: Any, accept: str, context: Context) -> tuple[bytes | str, str]:
        """Encode probabilities with the class names, and anything else by the toolkit's encoder."""
        attributes = context.headers.get(negotiation.CUSTOM_ATTRIBUTES, "")
        content_type = context.get_request_properties()["Content-Type"]
        default = self._settings.default_accept or answer_type.default_content_type(self._settings, content_type)
        response_format = negotiation.negotiate(
            context.headers.get("Accept") or accept, attributes, len(self._labels), default
        )
        if isinstance(prediction, np.ndarray) and prediction.shape[1:] == (len(self._labels),):
            rows = np.ascontiguousarray(prediction, np.float32)
            return encoding.encode(rows, self._labels, response_format), response_format.content_type
        if response_format.content_type not in encoder.SUPPORTED_CONTENT_TYPES:
            raise NotAcceptableError(f"the result of predict_fn cannot be encoded as {response_format.content_type}")
        return encoder.encode(prediction, response_format.content_type), response_format.content_type
