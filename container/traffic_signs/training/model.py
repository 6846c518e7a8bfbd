"""The networks: uint8 pixels [N, 32, 32, 1] in, class probabilities float32 [N, C] out.

Scaling is a layer of the model, so whoever serves it sends raw pixels.
"""

from collections.abc import Callable

import keras
from keras import layers

from traffic_signs import images


def build(preset: str, classes: int) -> keras.Model:
    """Build the untrained network of *preset* for *classes* classes."""
    return _PRESETS[preset](classes)


def _lenet(classes: int) -> keras.Model:
    """LeNet-5's layout with ReLU and dropout; 64,511 parameters for 43 classes.

    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document
    recognition. Proceedings of the IEEE 86(11), 1998.
    """
    return keras.Sequential(
        [
            keras.Input(images.SHAPE, dtype="uint8", name="pixels"),
            layers.Rescaling(1 / 128, offset=-1.0),
            layers.Conv2D(6, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(classes, activation="softmax", name="probabilities"),
        ],
        name="lenet",
    )


_PRESETS: dict[str, Callable[[int], keras.Model]] = {"lenet": _lenet}
