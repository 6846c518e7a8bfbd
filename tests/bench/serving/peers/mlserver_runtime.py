"""MLServer: a custom runtime with a custom handler, in the server's own process (no parallel workers)."""

from fastapi import Request, Response
from mlserver import MLModel
from mlserver.handlers import custom_handler
from model import Network, decode, encode


class Signs(MLModel):
    async def load(self) -> bool:
        self.network = Network()
        return True

    @custom_handler(rest_path="/invocations")
    async def invocations(self, request: Request) -> Response:
        return Response(encode(self.network.run(decode(await request.body()))), media_type="application/json")
