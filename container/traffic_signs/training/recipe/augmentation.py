"""Random augmentation of a batch of images, uint8 to uint8.

    mirror ─> one projective warp ─────────────────────────> gamma, contrast ─> blur ─> occlusion
              (rotation, scale, shift, shear, perspective)

All geometric changes share one resampling, because a second one would blur. The result is a pure
function of the images and the seed, so a resumed training sees the same images.
"""

import dataclasses
import json
import math
from functools import cache
from importlib.resources import files

import numpy as np
import tensorflow as tf

from traffic_signs.data.sources.labels import gtsrb
from traffic_signs.images import preprocessing
from traffic_signs.training.recipe.presets import Augmentation


def mirrors(names: tuple[str, ...]) -> np.ndarray:
    """Return the class of each class's mirror image, int32 [C], -1 where the mirror image is no sign.

    The file mirrors.json has them for GTSRB's 43 names. For any other names, all are -1.

    Pedestrians, children, bicycles and wild animals stand in it although their drawings are not symmetric: these
    signs exist both ways, for both sides of the road. Source: the catalogue of German road signs (Katalog der
    Verkehrszeichen), 133-10 and -20, 136-10 and -20, 138-10 and -20, 142-10 and -20.
    """
    if names != gtsrb():
        return np.full(len(names), -1, np.int32)
    mirror_names = _mirror_names()
    return np.array([names.index(mirror_names[name]) if name in mirror_names else -1 for name in names], np.int32)


@cache
def _mirror_names() -> dict[str, str]:
    text = files("traffic_signs.training.recipe").joinpath("mirrors.json").read_text(encoding="utf-8")
    mirror_names: dict[str, str] = json.loads(text)
    return mirror_names


def augment(
    images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, settings: Augmentation, mirrors: np.ndarray
) -> tuple[tf.Tensor, tf.Tensor]:
    """Augment every image of a batch independently.

    Args:
        images: uint8 [N, 32, 32, 1].
        labels: class ids, int32 [N].
        seed: int32 [2]; the same seed gives the same changes.
        settings: strength of each change.
        mirrors: class of each class's mirror image, int32 [C], from `mirrors`.

    Returns:
        Images, uint8 [N, 32, 32, 1], and labels, int32 [N]; a mirrored image has the label of its mirror image.
    """
    # philox explicitly, because the default algorithm may differ between devices
    draws = tf.random.stateless_uniform([18, tf.shape(images)[0]], seed, -1.0, 1.0, alg="philox")
    if settings.flips:
        mirrored = tf.gather(mirrors, labels)
        flipped = tf.logical_and(mirrored >= 0, draws[0] > 0)
        labels = tf.where(flipped, mirrored, labels)
        images = tf.where(flipped[:, None, None, None], tf.reverse(images, [2]), images)
    if dataclasses.replace(settings, flips=False) == Augmentation():
        return images, labels
    changed = tf.cast(images, tf.float32)
    if any((settings.rotation, settings.scale, settings.shift, settings.shear, settings.perspective)):
        changed = _warp(changed, _transforms(draws[1:9], settings))
    changed = _gamma_and_contrast(changed, draws[9:11], settings)
    if settings.blur:
        share = settings.blur * tf.abs(draws[11])[:, None, None, None]
        changed += share * (_binomial_blur(changed) - changed)
    if settings.occlusion:
        changed = _occlude(changed, draws[12:18], settings.occlusion)
    return tf.cast(tf.round(tf.clip_by_value(changed, 0.0, 255.0)), tf.uint8), labels


def _transforms(draws: tf.Tensor, settings: Augmentation) -> tf.Tensor:
    """Return matrices, float32 [N, 3, 3], that map points of the output to points of the input.

    The points have homogeneous coordinates, from the centre of the image in units of half its side.
    """
    angle = math.radians(settings.rotation) * draws[0]
    log_scale = settings.scale * draws[1]
    cosine, sine = tf.cos(angle) * tf.exp(log_scale), tf.sin(angle) * tf.exp(log_scale)
    zero, one = tf.zeros_like(angle), tf.ones_like(angle)
    half = preprocessing.SIZE / 2
    similarity = _matrices(
        [cosine, -sine, settings.shift / half * draws[2]],
        [sine, cosine, settings.shift / half * draws[3]],
        [zero, zero, one],
    )
    shear = _matrices([one, settings.shear * draws[4], zero], [settings.shear * draws[5], one, zero], [zero, zero, one])
    perspective = _matrices(
        [one, zero, zero], [zero, one, zero], [settings.perspective * draws[6], settings.perspective * draws[7], one]
    )
    return similarity @ shear @ perspective


def _matrices(*rows: list[tf.Tensor]) -> tf.Tensor:
    return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def _warp(images: tf.Tensor, transforms: tf.Tensor) -> tf.Tensor:
    half, centre = preprocessing.SIZE / 2, (preprocessing.SIZE - 1) / 2
    to_pixels = tf.constant([[half, 0, centre], [0, half, centre], [0, 0, 1]], tf.float32)
    transforms = to_pixels @ transforms @ tf.linalg.inv(to_pixels)
    flat = tf.reshape(transforms, [-1, 9])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=flat[:, :8] / flat[:, 8:],
        output_shape=[preprocessing.SIZE, preprocessing.SIZE],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )


def _gamma_and_contrast(images: tf.Tensor, draws: tf.Tensor, settings: Augmentation) -> tf.Tensor:
    factors = tf.exp([[settings.light], [settings.contrast]] * draws)[..., None, None, None]
    if settings.light:
        images = 255.0 * tf.pow(images / 255.0, factors[0])
    if settings.contrast:
        mean = tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)
        images = mean + factors[1] * (images - mean)
    return images


def _binomial_blur(images: tf.Tensor) -> tf.Tensor:
    """Blur along both axes by the binomial filter 1 4 6 4 1."""
    row = tf.constant([1, 4, 6, 4, 1], tf.float32) / 16
    padded = tf.pad(images, [[0, 0], [2, 2], [2, 2], [0, 0]], "SYMMETRIC")
    return tf.nn.conv2d(padded, (row[:, None] * row)[..., None, None], 1, "VALID")


def _occlude(images: tf.Tensor, draws: tf.Tensor, max_side: float) -> tf.Tensor:
    """Fill a rectangle with the gray of a random pixel of the image, like a sticker or a twig in the same light."""
    centre = preprocessing.SIZE / 2 * (draws[0:2] + 1)
    half_side = max_side / 4 * (draws[2:4] + 1)
    position = tf.range(preprocessing.SIZE, dtype=tf.float32)[:, None] + 0.5
    rows = tf.abs(position - centre[0]) < half_side[0]
    columns = tf.abs(position - centre[1]) < half_side[1]
    hidden = tf.logical_and(tf.transpose(rows)[:, :, None], tf.transpose(columns)[:, None, :])[..., None]
    pixel = tf.cast((draws[4:6] + 1) / 2 * preprocessing.SIZE, tf.int32)
    gray = tf.gather_nd(images, tf.transpose(tf.minimum(pixel, preprocessing.SIZE - 1)), batch_dims=1)
    return tf.where(hidden, gray[:, None, None], images)
