"""BentoML: a service with a mounted ASGI application, which avoids parsing by Pydantic."""

import bentoml
from model import Network, decode, encode
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

network = Network()


async def invocations(request: Request) -> Response:
    return Response(encode(network.run(decode(await request.body()))), media_type="application/json")


@bentoml.asgi_app(Starlette(routes=[Route("/invocations", invocations, methods=["POST"])]), path="/")
@bentoml.service(
    workers=1, logging={"access": {"enabled": False}}, metrics={"enabled": False}, traffic={"timeout": 300}
)
class Signs:
    pass
