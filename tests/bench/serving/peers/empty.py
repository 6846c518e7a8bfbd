"""The floor: a Flask route that only takes the body, for our own image and its gunicorn settings."""

from flask import Flask, Response, request

app = Flask(__name__)


@app.route("/ping")
def ping() -> Response:
    return Response(status=200)


@app.post("/invocations")
def invocations() -> Response:
    if (request.content_length or 0) > 32_768:
        request.get_data()  # h2load, like many a client, does not look for an answer before all of it is sent
    return Response(b"{}", mimetype="application/json")
