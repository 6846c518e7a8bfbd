"""The four functions of a LitAPI."""

import json
from pathlib import Path
from typing import Any

import litserve as ls


class Multiplication(ls.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002 # LitServe's signature
        self.factor = json.loads(Path("/opt/ml/model/model.json").read_text())["factor"]

    def decode_request(self, request: dict[str, Any]) -> list[float]:
        return request["instances"]

    def predict(self, numbers: list[float]) -> list[float]:
        return [number * self.factor for number in numbers]

    def encode_response(self, products: list[float]) -> dict[str, list[float]]:
        return {"predictions": products}


if __name__ == "__main__":
    server = ls.LitServer(Multiplication(api_path="/invocations"), accelerator="cpu", healthcheck_path="/ping")
    server.run(port=8080, generate_client_file=False)
