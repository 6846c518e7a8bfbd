"""AWS's sample of a custom container: nginx, gunicorn with gevent, Flask (see nginx.conf)."""

from flask import Flask, Response, request
from model import Network, decode, encode

app = Flask(__name__)
network = Network()


@app.route("/ping")
def ping() -> Response:
    return Response(status=200)


@app.post("/invocations")
def invocations() -> Response:
    return Response(encode(network.run(decode(request.get_data()))), mimetype="application/json")
