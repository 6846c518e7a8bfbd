"""Networks that map uint8 pixels [N, 32, 32, 1] to float32 logits [N, C].

    pixels ── normalisation ── convolutions ── dense ──> logits                              trained
                                                         └─ / T, softmax ──> probabilities   served

Normalisation is part of the network, so it takes raw pixels. All layers are Keras's own:
model.keras loads without this package, and LiteRT runs the networks with its built-in operations.
"""

from collections.abc import Callable, Mapping

import keras
import numpy as np
from keras import layers, ops

from traffic_signs.images import preprocessing


def build(network: str, classes: int) -> keras.Model:
    """Build the untrained network called *network*, one of NETWORKS, for *classes* classes."""
    return NETWORKS[network](classes)


def with_probabilities(model: keras.Model, temperature: float) -> keras.Model:
    """Return a model that computes softmax(logits / temperature) of *model* and shares its weights."""
    scaled = layers.Rescaling(1 / temperature, dtype="float32", name="temperature")(model.outputs[0])
    return keras.Model(
        model.inputs, layers.Softmax(dtype="float32", name="probabilities")(scaled), name=f"{model.name}-probabilities"
    )


def _lenet(classes: int) -> keras.Model:
    """Build LeNet-5 with ReLU and dropout; 64,511 parameters for 43 classes.

    Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document
    recognition. Proceedings of the IEEE 86(11), 1998.
    """
    return keras.Sequential(
        [
            _pixels(),
            layers.Rescaling(1 / 128, offset=-1.0, dtype="float32"),
            layers.Conv2D(6, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 5, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(120, activation="relu"),
            layers.Dense(84, activation="relu"),
            layers.Dropout(0.5),
            _logits(classes),
        ],
        name="lenet",
    )


def _strided(classes: int) -> keras.Model:
    """Build two small convolutions on the local contrast; 78,395 parameters for 43 classes.

    A stride and average pooling replace max pooling: no gradient is computed for values that pooling
    discards. The second convolution has no stride, because the gradient of a strided one is oneDNN's slowest.
    """
    pixels = _pixels()
    x = local_contrast(layers.Rescaling(1 / 255, dtype="float32")(pixels), window=7, epsilon=1e-3)
    x = layers.Conv2D(16, 4, strides=2, activation="relu")(x)
    x = layers.AveragePooling2D(2)(x)
    x = layers.Conv2D(64, 3, activation="relu")(x)
    x = ops.reshape(x, (-1, 5 * 5 * 64))  # Flatten would compute its shape at run time
    return keras.Model(pixels, _logits(classes)(x), name="strided")


def _multi_scale(classes: int) -> keras.Model:
    """Build five convolutions with batch normalisation; 558,907 parameters for 43 classes.

    Features of two scales are concatenated, after P. Sermanet, Y. LeCun: Traffic sign recognition with multi-scale
    convolutional networks. IJCNN 2011.
    """
    pixels = _pixels()
    standardised = _standardised(pixels)
    x = layers.Concatenate()([standardised, local_contrast(standardised, window=9, epsilon=0.02)])
    x = layers.AveragePooling2D(2)(_convolution(x, 24, 5))
    x = layers.AveragePooling2D(2)(_convolution(_convolution(x, 64), 64))
    fine = _convolution(_convolution(x, 128), 128)
    coarse = layers.AveragePooling2D(2)(fine)
    x = layers.Concatenate()([layers.Flatten()(coarse), layers.GlobalAveragePooling2D()(fine)])
    x = layers.Dropout(0.3)(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.3)(x)
    return keras.Model(pixels, _logits(classes)(x), name="multi-scale")


def _pixels() -> keras.KerasTensor:
    return keras.Input(preprocessing.SHAPE, dtype="uint8", name="pixels")


def _logits(classes: int) -> layers.Layer:
    return layers.Dense(classes, dtype="float32", name="logits")


def _standardised(pixels: keras.KerasTensor) -> keras.KerasTensor:
    """Standardise every image to mean 0 and deviation 1; the epsilon keeps an image of a single gray at 0.

    It computes in float32 under any dtype policy: bfloat16 would merge neighbouring grays.
    """
    x = layers.Rescaling(1 / 255, dtype="float32")(pixels)
    return layers.LayerNormalization(axis=[1, 2, 3], center=False, scale=False, epsilon=1e-4, dtype="float32")(x)


def local_contrast(x: keras.KerasTensor, window: int, epsilon: float) -> keras.KerasTensor:
    """Standardise the neighbourhood of every pixel to mean 0 and deviation 1, which removes shadows.

    K. Jarrett, K. Kavukcuoglu, M. Ranzato, Y. LeCun: What is the best multi-stage architecture for
    object recognition? ICCV 2009; with a square window in place of the Gaussian one.

    The mean over a window is a 1x1 convolution along the width, whose kernel is a band matrix, then an average along
    the height. With the columns as channels a CPU computes both without a transpose. No shape is computed at run time
    (-1 stands for N), so LiteRT passes the network to its fast kernels as a whole and not in eleven pieces.

    Args:
        x: float32 [N, 32, 32, 1].
        window: side of the neighbourhood in pixels, odd; at the border it is clipped to the image.
        epsilon: added to the variance, which keeps the noise of uniform surfaces small.

    Returns:
        float32 [N, 32, 32, 1].
    """
    position = np.arange(preprocessing.SIZE)
    band = (np.abs(position[:, None] - position) <= window // 2).astype(np.float32)
    band /= band.sum(axis=0)

    def means(y: keras.KerasTensor) -> keras.KerasTensor:
        # padding="same" averages only over the image, as the band matrix does
        along_height = layers.AveragePooling2D((window, 1), strides=1, padding="same", dtype="float32")
        return along_height(ops.conv(y, band[None, None]))

    rows = ops.reshape(x, (-1, preprocessing.SIZE, 1, preprocessing.SIZE))
    centred = rows - means(rows)
    contrast = centred / ops.sqrt(means(ops.square(centred)) + epsilon)
    return ops.reshape(contrast, (-1, *preprocessing.SHAPE))


def _convolution(x: keras.KerasTensor, filters: int, size: int = 3) -> keras.KerasTensor:
    x = layers.Conv2D(filters, size, padding="same", use_bias=False)(x)
    return layers.ReLU()(layers.BatchNormalization()(x))


NETWORKS: Mapping[str, Callable[[int], keras.Model]] = {
    "lenet": _lenet,
    "strided": _strided,
    "multi-scale": _multi_scale,
}
