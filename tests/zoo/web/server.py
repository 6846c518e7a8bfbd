"""FastAPI as its tutorial shows it, with the two routes of the platform.

LOAD_SECONDS is how long the model takes to load; /ping answers only then.
"""

import json
import os
import time
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response
from pydantic import BaseModel

time.sleep(float(os.environ.get("LOAD_SECONDS", "0")))
factor = json.loads(Path("/opt/ml/model/model.json").read_text())["factor"]
app = FastAPI()


class Numbers(BaseModel):
    instances: list[float]


@app.api_route("/ping", methods=["GET", "POST"])
def ping() -> Response:
    return Response()


@app.post("/invocations")
def invocations(numbers: Numbers) -> dict[str, list[float]]:
    return {"predictions": [number * factor for number in numbers.instances]}


if __name__ == "__main__":
    uvicorn.run(app, host="0.0.0.0", port=8080)  # noqa: S104 # the platform connects from outside the container
