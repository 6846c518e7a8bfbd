"""The article's recipe as published: Keras `fit`, constant Adam, dropout, no augmentation.

The baseline of the presets. It shares no code with them, so that no change of a preset changes it.
"""

from collections.abc import Callable

import keras
import numpy as np
from keras import layers

from traffic_signs.data.dataset import Dataset

EPOCHS = 10


def fit(
    training: Dataset, validation: Dataset, seed: int, after_epoch: Callable[[list[np.ndarray]], None]
) -> Callable[[list[np.ndarray], np.ndarray], np.ndarray]:
    """Train; return a function: weights, images uint8 [N, 32, 32, 1] -> probabilities float32 [N, C].

    Args:
        training: A random 80 % of the frames.
        validation: The other frames.
        seed: Seed of weights, order and dropout.
        after_epoch: Called with the weights after each epoch.
    """
    keras.utils.set_random_seed(seed)
    model = keras.Sequential(
        [
            keras.Input((32, 32, 1)),
            layers.Conv2D(6, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(len(training.names), activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(
        _scaled(training.images),
        training.labels,
        batch_size=128,
        epochs=EPOCHS,
        validation_data=(_scaled(validation.images), validation.labels),
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: after_epoch(model.get_weights()))],
        verbose=0,
    )

    def predict(weights: list[np.ndarray], images: np.ndarray) -> np.ndarray:
        model.set_weights(weights)
        found: np.ndarray = model.predict(_scaled(images), batch_size=256, verbose=0)
        return found

    return predict


def _scaled(images: np.ndarray) -> np.ndarray:
    return (images.astype(np.float32) - 128) / 128
