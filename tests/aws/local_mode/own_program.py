"""A user's training program, which replaces the image's: a network without a hidden layer."""

import argparse
import os
from pathlib import Path

import keras

from traffic_signs.data.dataset import Dataset
from traffic_signs.model import artifact
from traffic_signs.training.results.export import export

arguments = argparse.ArgumentParser()
arguments.add_argument("--epochs", type=int)
epochs = arguments.parse_args().epochs
data = Dataset.load(next(Path(os.environ["SM_CHANNEL_TRAINING"]).glob("*.npz")))
shape = data.images.shape[1:]
layers = [
    keras.Input(shape, dtype="uint8"),
    keras.layers.Rescaling(1 / 255),
    keras.layers.Flatten(),
    keras.layers.Dense(len(data.names), "softmax"),
]
model = keras.Sequential(layers)
model.compile("adam", "sparse_categorical_crossentropy")
model.fit(data.images, data.labels, epochs=epochs, verbose=0)
directory = Path(os.environ["SM_MODEL_DIR"])
agreement = export(model, data.images, model.predict(data.images, verbose=0), data.labels, directory)
artifact.write(directory, artifact.Artifact(data.names, shape, "mine", data.fingerprint, agreement=agreement))
