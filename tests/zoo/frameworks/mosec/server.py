"""A worker of mosec, with its own JSON decoder and encoder."""

import json
from pathlib import Path
from typing import Any

from mosec import Runtime, Server, ValidationError, Worker


class Multiplication(Worker):
    def __init__(self) -> None:
        self.factor = json.loads(Path("/opt/ml/model/model.json").read_text())["factor"]

    def forward(self, data: dict[str, Any]) -> dict[str, list[float]]:
        try:
            numbers = [float(number) for number in data["instances"]]
        except (ValueError, TypeError, KeyError) as error:
            raise ValidationError(f"expected a list of numbers: {error}") from None
        return {"predictions": [number * self.factor for number in numbers]}


if __name__ == "__main__":
    server = Server()
    server.register_runtime({"/invocations": [Runtime(Multiplication)]})
    server.run()
