"""What most custom containers do: Keras' `model.predict` behind Flask, gunicorn with its defaults."""

import keras
import numpy as np
from flask import Flask, Response, request
from model import MODEL, decode, encode

app = Flask(__name__)
network = keras.models.load_model(f"{MODEL}/model.keras", compile=False)
network.predict(np.zeros((1, 32, 32, 1), np.uint8), verbose=0)


@app.route("/ping")
def ping() -> Response:
    return Response(status=200)


@app.post("/invocations")
def invocations() -> Response:
    return Response(encode(network.predict(decode(request.get_data()), verbose=0)), mimetype="application/json")
