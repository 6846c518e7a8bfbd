"""Handlers of the model, as the package's README shows them."""

import json
from http import HTTPStatus
from pathlib import Path

import model_hosting_container_standards.sagemaker as sagemaker_standards
from fastapi import HTTPException, Request, Response

factor = json.loads(Path("/opt/ml/model/model.json").read_text())["factor"]


@sagemaker_standards.custom_ping_handler
async def custom_ping(_: Request) -> Response:
    return Response(status_code=200, content="OK")


@sagemaker_standards.custom_invocation_handler
@sagemaker_standards.stateful_session_manager()
async def custom_invoke(request: Request) -> dict[str, list[float]]:
    try:
        numbers = [float(number) for number in (await request.json())["instances"]]
    except (ValueError, TypeError, KeyError) as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"expected a list of numbers: {error}") from None
    return {"predictions": [number * factor for number in numbers]}
