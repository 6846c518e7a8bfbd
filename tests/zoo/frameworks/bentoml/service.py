"""A service with a route of its own, and a mounted ASGI application for /ping, because an API method is POST only."""

import json
from pathlib import Path

import bentoml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def ping(_: Request) -> Response:
    return Response()


@bentoml.asgi_app(Starlette(routes=[Route("/ping", ping, methods=["GET", "POST"])]), path="/")
@bentoml.service
class Multiplication:
    def __init__(self) -> None:
        self.factor = json.loads(Path("/opt/ml/model/model.json").read_text())["factor"]

    @bentoml.api(route="/invocations")
    def invocations(self, instances: list[float]) -> dict[str, list[float]]:
        return {"predictions": [number * self.factor for number in instances]}
