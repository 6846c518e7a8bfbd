"""sagemaker-inference on multi-model-server: AWS's own stack with its four functions and its default logging."""

from typing import Any

import numpy as np
from model import Network, decode, encode
from sagemaker_inference import model_server


def model_fn(_directory: str) -> Network:
    return Network()


def input_fn(body: bytes | str, _content_type: str) -> np.ndarray:
    return decode(body.encode() if isinstance(body, str) else bytes(body))  # the toolkit passes JSON as text


def predict_fn(pixels: np.ndarray, network: Network) -> np.ndarray:
    return network.run(pixels)


def output_fn(probabilities: np.ndarray, _accept: str) -> Any:
    return encode(probabilities)


if __name__ == "__main__":
    model_server.start_model_server()
