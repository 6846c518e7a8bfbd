"""LitServe: one worker, with its fast queue. FastAPI passes JSON parsed, other bodies as bytes."""

import os
from typing import Annotated, Any

import litserve as ls
import numpy as np
from fastapi import Body, Response
from model import Network, decode, encode, from_json


class Signs(ls.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002 # LitServe's signature
        self.network = Network()

    def decode_request(self, request: Annotated[Any, Body()]) -> np.ndarray:
        return decode(request) if isinstance(request, bytes) else from_json(request)

    def predict(self, pixels: np.ndarray) -> np.ndarray:
        return self.network.run(pixels)

    def encode_response(self, probabilities: np.ndarray) -> Response:
        return Response(encode(probabilities), media_type="application/json")


if __name__ == "__main__":
    server = ls.LitServer(Signs(api_path="/invocations"), accelerator="cpu", fast_queue=True)
    server.run(
        port=int(os.environ["PORT"]),
        num_api_servers=1,
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )
