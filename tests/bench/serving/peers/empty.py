"""The floor: a Flask route that only takes the body, for our own image and its gunicorn settings."""

from flask import Flask, Response, request

app = Flask(__name__)


@app.route("/ping")
def ping() -> Response:
    return Response(status=200)


@app.post("/invocations")
def invocations() -> Response:
    request.get_data()  # h2load, like many a client, does not look for an answer before it has sent all of a large body
    return Response(b"{}", mimetype="application/json")
