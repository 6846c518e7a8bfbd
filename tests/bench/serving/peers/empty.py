"""The floor: a Flask route that does nothing, for our own image and its gunicorn settings."""

from flask import Flask, Response

app = Flask(__name__)


@app.route("/ping")
def ping() -> Response:
    return Response(status=200)


@app.post("/invocations")
def invocations() -> Response:
    return Response(b"{}", mimetype="application/json")
