"""The toolkit's own decoder and encoder around a model that multiplies, as its README says."""

import json
from pathlib import Path
from typing import Any

from sagemaker_inference import decoder, encoder
from sagemaker_inference.default_handler_service import DefaultHandlerService
from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
from sagemaker_inference.transformer import Transformer


class Multiplication(DefaultInferenceHandler):  # type: ignore[misc] # the toolkit publishes no types
    def default_model_fn(self, model_dir: str, _context: Any = None) -> float:
        return float(json.loads((Path(model_dir) / "model.json").read_text())["factor"])

    def default_input_fn(self, input_data: Any, content_type: str, _context: Any = None) -> Any:
        return decoder.decode(input_data, content_type)

    def default_predict_fn(self, data: Any, model: float, _context: Any = None) -> Any:
        return data * model

    def default_output_fn(self, prediction: Any, accept: str, _context: Any = None) -> Any:
        return encoder.encode(prediction, accept)


class HandlerService(DefaultHandlerService):  # type: ignore[misc] # as above
    def __init__(self) -> None:
        super().__init__(transformer=Transformer(default_inference_handler=Multiplication()))


service = HandlerService()


def handle(data: Any, context: Any) -> Any:
    return service.handle(data, context)
