"""A framework's server: it loads its engine, registers its handlers, and calls bootstrap at the end."""

import json
from pathlib import Path

import model_hosting_container_standards.sagemaker as sagemaker_standards
import uvicorn
from fastapi import FastAPI, Request, Response

factor = json.loads(Path("/opt/ml/model/model.json").read_text())["factor"]
app = FastAPI()


@sagemaker_standards.register_ping_handler
async def ping(_: Request) -> Response:
    return Response(status_code=200)


@sagemaker_standards.register_invocation_handler
@sagemaker_standards.stateful_session_manager()
async def invocations(request: Request) -> dict[str, list[float]]:
    return {"predictions": [number * factor for number in (await request.json())["instances"]]}


sagemaker_standards.bootstrap(app)

if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=8080)  # noqa: S104 # the platform connects from outside the container
