"""A custom runtime of MLServer."""

import json
from pathlib import Path

from fastapi import Request, Response
from mlserver import MLModel
from mlserver.errors import InferenceError
from mlserver.handlers import custom_handler


class Multiplication(MLModel):
    async def load(self) -> bool:
        self.factor = json.loads(Path("/opt/ml/model/model.json").read_text())["factor"]
        return True

    @custom_handler(rest_path="/ping", rest_method="GET")
    async def ping(self) -> Response:
        return Response()

    @custom_handler(rest_path="/invocations")
    async def invocations(self, request: Request) -> Response:
        try:
            numbers = [float(number) for number in json.loads(await request.body())["instances"]]
        except (ValueError, TypeError, KeyError) as error:
            raise InferenceError(f"expected a list of numbers: {error}") from None
        products = [number * self.factor for number in numbers]
        return Response(json.dumps({"predictions": products}), media_type="application/json")
