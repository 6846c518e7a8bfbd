"""Flask as in the sample: the model is loaded by the first request, /ping says 404 without one, CSV in and out."""

import json
from functools import cache
from pathlib import Path

import flask

app = flask.Flask(__name__)


@cache
def factor() -> float:
    return float(json.loads(Path("/opt/ml/model/model.json").read_text())["factor"])


@app.route("/ping", methods=["GET"])
def ping() -> flask.Response:
    return flask.Response(response="\n", status=200 if factor() is not None else 404, mimetype="application/json")


@app.route("/invocations", methods=["POST"])
def invocations() -> flask.Response:
    if flask.request.content_type != "text/csv":
        return flask.Response(response="This predictor only supports CSV data", status=415, mimetype="text/plain")
    numbers = [float(line) for line in flask.request.data.decode().split()]
    print(f"Invoked with {len(numbers)} records")  # noqa: T201 # as the sample does
    return flask.Response(response="".join(f"{number * factor()}\n" for number in numbers), mimetype="text/csv")
